"""Python parses source in one thread at a time: before 3.11.8 two that do so at once spoil each other (its issue 106905).

Whoever opens a page while torch is being imported behind it would now and then be shown a SystemError: Pydantic reads the
docstrings of our settings from their source, and torch reads its own.
"""

import ast
import sys
import threading
from collections.abc import Callable
from functools import cache, wraps

MENDED = (3, 11, 8)


@cache
def one_at_a_time() -> None:
    """From now on ``ast.parse``, by which all of them do, lets one thread in. Acts once a process."""
    if sys.version_info < MENDED:
        ast.parse = alone(ast.parse)


def alone(parse: Callable[..., ast.AST]) -> Callable[..., ast.AST]:
    """The same function, which other threads wait for."""
    line = threading.RLock()

    @wraps(parse)
    def wrapped(*arguments: object, **named: object) -> ast.AST:
        with line:
            return parse(*arguments, **named)

    return wrapped
