"""Tables of numbers on this page, as HTML."""

import html
from collections.abc import Sequence

from pages.parts import readable


def table(head: Sequence[str], rows: Sequence[Sequence[str]], colors: Sequence[int] = ()) -> str:
    """colors: of a dot before each row, a class of theme.css; none where empty. What is wider than the page scrolls."""
    titles = "".join(f'<th scope="col">{html.escape(title)}</th>' if title else "<td></td>" for title in head)
    lines = []
    for place, row in enumerate(rows):
        dot = f'<i class="color-{colors[place]}"></i>' if colors else ""
        cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in row[1:])
        lines.append(f"<tr><td>{dot}{html.escape(row[0])}</td>{cells}</tr>")
    return f'<div class="wide" tabindex="0"><table class="of-step"><tr>{titles}</tr>{"".join(lines)}</table></div>'


def brief(seconds: float) -> str:
    """``12.3 ms``, ``1.4 s``."""
    return f"{readable.number(seconds)} s" if seconds >= 1 else f"{readable.number(1000 * seconds)} ms"
