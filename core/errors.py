"""The engine's own errors: each says what was wrong and how to put it right."""

from data.errors import InnerloopError


class StoreError(InnerloopError):
    """The run store cannot be opened, read or written, or does not hold what was asked for.

    passing: it may go by itself (a lock, a full disk, a server that is away), so that waiting for it makes sense.
    """

    def __init__(self, message: str, remedy: str = "", path: str = "", *, passing: bool = False):
        super().__init__(message, remedy, path)
        self.passing = passing


class NoRunError(StoreError):
    """There is no run of that number (any more)."""


class RunError(InnerloopError):
    """A run cannot do what was asked of it in the state it is in, or its worker cannot be started."""
