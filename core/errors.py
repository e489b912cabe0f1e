"""The engine's own errors: each says what was wrong and how to put it right."""

from data.errors import InnerloopError


class StoreError(InnerloopError):
    """The run store cannot be opened, read or written, or does not hold what was asked for."""


class NoRunError(StoreError):
    """There is no run of that number (any more)."""


class RunError(InnerloopError):
    """A run cannot do what was asked of it in the state it is in, or its worker cannot be started."""
