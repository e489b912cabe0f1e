"""The errors a person can do something about: each says what was wrong and how to put it right."""

from data.language import joined

FILES = "files"  # an error's path where files of a data set are not here yet
LONGEST = 600  # characters of a message: what was typed or what a driver says may be longer than anyone reads


def shortened(text: object, most: int = 80) -> str:
    """A value as it may stand in a sentence: its beginning and its end, if it is longer than ``most`` characters.

    What is no text at all, as half a character from the command line, is written as its code.
    """
    whole = str(text).encode("utf-8", "backslashreplace").decode()
    return whole if len(whole) <= most else f"{whole[: most // 2]} … {whole[-(most // 3) :]}"


class InnerloopError(Exception):
    """Base of every error that is meant for the user rather than for us.

    message: what was wrong, with the value and the limit. remedy: what to do about it. path: where it applies, a dotted
    config path such as ``family.k_shot``, a file or a run; empty when it has no place.
    """

    def __init__(self, message: str, remedy: str = "", path: str = ""):
        super().__init__(shortened(message, LONGEST))
        self.message, self.remedy = shortened(message, LONGEST), shortened(remedy, 4 * LONGEST)
        self.path = shortened(path, LONGEST)

    def __str__(self) -> str:
        return joined((self.message, self.remedy))


class InputError(InnerloopError):
    """What was typed cannot be meant: a setting out of range, a name that does not exist."""


class ModelError(InnerloopError):
    """A network cannot be built or cannot do what it is asked."""


class DataError(InnerloopError):
    """A data set is missing, truncated or not what it claims to be."""
