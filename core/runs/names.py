"""What a run may be called."""

from data.errors import InputError
from data.language import tr

LONGEST_NAME = 80


def checked_name(name: str) -> str:
    """A run's name without the blanks around it. Raises InputError for what is no name."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        if not name:
            wrong = tr("The run's name is empty.")
        elif name.isprintable():
            wrong = tr("The run's name has {n} characters.", n=len(name))
        else:
            wrong = tr("The run's name is not all printable.")
        raise InputError(wrong, tr("Give it 1 to {n} printable characters.", n=LONGEST_NAME), "name")
    return name


def problem_of_name(name: str) -> str:
    """Why no run can be called so; empty if one can."""
    try:
        checked_name(name)
    except InputError as error:
        return str(error)
    return ""
