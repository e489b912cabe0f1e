"""The base of every config, and ``setting``: title, help, unit and bounds of a field, stated once.

The form on the page, the CLI's ``--set``, the validation messages and the table of differences between two runs all
read what is stated here.
"""

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.fields import FieldInfo


class Config(BaseModel):
    """A frozen, validated value. Unknown fields are refused; make a changed copy by validating a changed dict."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    @model_validator(mode="before")
    @classmethod
    def _no_switch_is_a_number(cls, values: Any) -> Any:
        """``true`` would be taken for 1: as a word it is refused where a number is wanted."""
        if not isinstance(values, dict):
            return values
        fields = cls.model_fields
        return {name: _worded(value) if _counts(fields.get(name)) else value for name, value in values.items()}


def _counts(field: FieldInfo | None) -> bool:
    """Whether a field holds a number or numbers."""
    return field is not None and any(kind in (int, float) for kind in _parts(field.annotation))


def _parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)


def _worded(value: Any) -> Any:
    if isinstance(value, list):
        return [_worded(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else value


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
    telling: int = 0,
) -> Any:
    """A config field; the docstring below it is the help that the form shows.

    ``empty`` says what None means, for a field that may be left empty ("as in training"). ``advanced`` fields are folded
    away in the form. ``step`` is the increment of the number widget. ``telling``: of a setting that people try again with
    another value, its place among those, from 1; 0 for all others.
    """
    extra = {"unit": unit, "step": step, "advanced": advanced, "empty": empty, "telling": telling}
    return Field(default, title=title, ge=ge, gt=gt, le=le, json_schema_extra=extra)
