"""The base of every config, and ``setting``: title, help, unit and bounds of a field, stated once.

The form on the page, the CLI's ``--set``, the validation messages and the table of differences between two runs all
read what is stated here.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Config(BaseModel):
    """A frozen, validated value. Unknown fields are refused; make a changed copy by validating a changed dict."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


def setting(
    default: Any,
    title: str,
    *,
    unit: str = "",
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    step: float | None = None,
    advanced: bool = False,
    empty: str = "",
) -> Any:
    """A config field; the docstring below it is the help that the form shows.

    ``empty`` says what None means, for a field that may be left empty ("as in training"). ``advanced`` fields are folded
    away in the form. ``step`` is the increment of the number widget.
    """
    extra = {"unit": unit, "step": step, "advanced": advanced, "empty": empty}
    return Field(default, title=title, ge=ge, gt=gt, le=le, json_schema_extra=extra)
