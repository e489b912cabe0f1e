"""Tables whose numbers sort as numbers and read in their own units."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from data.language import tr
from pages.parts import readable

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

LARGE = 1e12  # numbers beyond it are brought nearer, the greatest there are to 3e14


def sortable(rows: Sequence[Mapping[str, Any]], words: Mapping[str, Sequence[str]]) -> "Styler":
    """A table with these rows. words: for a column of numbers (or None) how each row's reads."""
    import pandas  # half a second to import, and few pages need it

    frame = pandas.DataFrame(rows)
    style = frame.style
    for name, texts in words.items():
        # A formatter sees a value and not its row, so values that are equal are told apart by a hair.
        frame[name] = [in_order(value) + place * 1e-11 for place, value in enumerate(frame[name].astype(float))]
        style = style.format(dict(zip(frame[name], texts, strict=True)).get, subset=[name], na_rep=readable.NOTHING)
    return style


def in_order(value: float) -> float:
    """A number in the same order as the value. A browser's table refuses those of 2**53 and more."""
    return value if not value > LARGE else LARGE * (1 + math.log10(value / LARGE))


def titled(columns: dict[str, Any]) -> dict[str, Any]:
    """A table's columns in the visitor's language: each by its own label, else by its name."""
    said = {}
    for name, column in columns.items():
        if not isinstance(column, dict):  # a column of buttons, which has to be made with its label
            said[name] = column
            continue
        label, help = column.get("label") or name, column.get("help")
        said[name] = column | {"label": tr(label), "help": help and tr(help)}
    return said
