"""The errors a person can do something about: each says what was wrong and how to put it right."""


class InnerloopError(Exception):
    """Base of every error that is meant for the user rather than for us.

    message: what was wrong, with the value and the limit. remedy: what to do about it. path: where it applies, a dotted
    config path such as ``family.k_shot``, a file or a run; empty when it has no place.
    """

    def __init__(self, message: str, remedy: str = "", path: str = ""):
        super().__init__(message)
        self.message, self.remedy, self.path = message, remedy, path

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class InputError(InnerloopError):
    """What was typed cannot be meant: a setting out of range, a name that does not exist."""


class DataError(InnerloopError):
    """A data set is missing, truncated or not what it claims to be."""
