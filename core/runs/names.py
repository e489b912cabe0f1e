"""What a run may be called."""

from data.errors import InputError

LONGEST_NAME = 80


def checked_name(name: str) -> str:
    """A run's name without the blanks around it. Raises InputError for what is no name."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        wrong = (
            "is empty" if not name else f"has {len(name)} characters" if name.isprintable() else "is not all printable"
        )
        raise InputError(f"The run's name {wrong}.", f"Give it 1 to {LONGEST_NAME} printable characters.", "name")
    return name


def problem_of_name(name: str) -> str:
    """Why no run can be called so; empty if one can."""
    try:
        checked_name(name)
    except InputError as error:
        return str(error)
    return ""
