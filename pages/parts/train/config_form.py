"""Widgets made from a config's own fields. What a field is called, means and allows is stated in the config alone.

Values flow one way. ``read`` takes what the widgets hold into a draft of plain values, the draft is checked, and
``section`` draws the widgets with each problem under its own field. Numbers are typed as text: Streamlit's own number input
reads 1e3 as 1 in the browser and clamps what is out of bounds, neither of which the server hears of.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import streamlit as st
from pydantic.fields import FieldInfo

from core.config import overrides
from core.config.checks import ConfigError
from data.config import Config
from data.errors import shortened
from data.language import joined, tr
from pages.parts import say, session

WidgetKind = Literal["integer", "number", "choice", "switch", "list", "json", "text"]
# Thousands set apart by a space of any width; by a comma only where no comma can start a fraction.
APART = re.compile(r"[+-]?\d{1,3}([ '\u00a0\u2009\u202f]\d{3})+")
APART_IN_WHOLE = re.compile(r"[+-]?\d{1,3}([ ',\u00a0\u2009\u202f]\d{3})+")
LONGEST_NUMBER = 30  # digits of what is still taken for a number
FEW = 3  # choices that are shown side by side rather than in a menu


@dataclass(frozen=True)
class Field:
    """One setting as the form sees it. path: dotted, from the RunConfig. empty: what None means."""

    path: str
    title: str
    help: str
    kind: WidgetKind
    unit: str
    step: float | None
    advanced: bool
    optional: bool
    empty: str
    choices: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The title with its unit, where the title does not already say it."""
        said = self.unit.removesuffix("s").lower() in self.title.lower()
        return f"{self.title} · {self.unit}" if self.unit and not said else self.title


def fields(config: type[Config], prefix: str, only: Sequence[str] | None = None) -> list[Field]:
    """The settings of a config class, in their order. The union's tag (``name``) is chosen elsewhere."""
    chosen = [name for name in config.model_fields if name != "name" and (only is None or name in only)]
    return [_field(config.model_fields[name], f"{prefix}.{name}" if prefix else name) for name in chosen]


def _field(info: FieldInfo, path: str) -> Field:
    kind, optional, choices = _kind(info.annotation)
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    return Field(
        path=path,
        title=tr(info.title or "") or path.rpartition(".")[2],
        help=tr(" ".join((info.description or "").split())),
        kind=kind,
        unit=tr(extra.get("unit") or ""),
        step=extra.get("step"),
        advanced=bool(extra.get("advanced")),
        optional=optional,
        empty=tr(extra.get("empty") or ""),
        choices=choices,
    )


def _kind(annotation: Any) -> tuple[WidgetKind, bool, tuple[str, ...]]:
    """What kind of widget a type needs, whether it may be left empty, and what there is to choose from."""
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        inner = next(part for part in get_args(annotation) if part is not NoneType)
        kind, _, choices = _kind(inner)
        return kind, True, choices
    if origin is Literal:
        return "choice", False, tuple(get_args(annotation))
    kinds: dict[Any, WidgetKind] = {
        bool: "switch",
        int: "integer",
        float: "number",
        list: "list",
        tuple: "list",
        dict: "json",
    }
    return kinds.get(origin or annotation, "text"), False, ()


def widget_key(field: Field, revision: int | str) -> str:
    """Each filling of the form (by a preset, say) gets widgets of its own, so that none keeps an older value.

    revision: what tells the fillings apart.
    """
    return f"setting-{revision}-{field.path}"


def read(fields: Sequence[Field], draft: dict[str, Any], revision: int | str, typed: set[str] | None = None) -> None:
    """Take what the widgets hold into the draft, in place. typed: is told the paths that somebody has changed."""
    for field in fields:
        key = widget_key(field, revision)
        if key not in st.session_state:
            continue
        value = _from_widget(field, st.session_state[key])
        if typed is not None and value != get(draft, field.path):
            typed.add(field.path)
        put(draft, field.path, value)
        if field.kind in ("integer", "number") and not isinstance(value, str):
            session.follow(key, _to_widget(field, value))  # 1e3 is shown as what was understood: 1000


def get(values: Mapping[str, Any], path: str) -> Any:
    for part in path.split("."):
        values = values[part]
    return values


def put(values: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for part in parents:
        values = values[part]
    values[last] = value


def _from_widget(field: Field, value: Any) -> Any:
    """A widget's value as the config takes it. Text that cannot be read is passed on, for the config to refuse."""
    if field.kind == "list":
        return [_item(part.strip()) for part in value.split(",")] if value.strip() else []
    if field.kind == "json":
        try:
            return overrides.read(field.path, value) if value.strip() else {}
        except ConfigError:
            return shortened(value)
    if field.kind in ("integer", "number"):
        return number(value, whole=field.kind == "integer") if value.strip() or not field.optional else None
    return value


def number(text: str, *, whole: bool) -> int | float | str:
    """What a person means who writes 1000, 1e3, 1000.0 or 1 000, among whole numbers also 1,000; any other text as it is."""
    digits = text.strip()
    if (APART_IN_WHOLE if whole else APART).fullmatch(digits):
        digits = re.sub(r"[^\d+-]", "", digits)
    try:
        value = Decimal(digits)
    except InvalidOperation:
        return text
    if not value.is_finite() or value.adjusted() > LONGEST_NUMBER:
        return text
    return int(value) if whole and value == value.to_integral_value() else float(value)


def _item(text: str) -> int | float | str:
    try:
        return int(text)
    except ValueError:
        return number(text, whole=False)


def _to_widget(field: Field, value: Any) -> Any:
    if field.kind == "list":
        return ", ".join(str(part) for part in value) if isinstance(value, (list, tuple)) else str(value)
    if field.kind == "json":
        return value if isinstance(value, str) else (json.dumps(value) if value else "")
    if field.kind in ("integer", "number"):
        return f"{value:.10g}" if isinstance(value, float) else "" if value is None else str(value)
    return value


def section(
    fields: Sequence[Field], draft: Mapping[str, Any], problems: Mapping[str, str], revision: int | str
) -> None:
    """Draw settings in three columns, the advanced ones folded away unless one of them has a problem."""
    _grid([field for field in fields if not field.advanced], draft, problems, revision)
    advanced = [field for field in fields if field.advanced]
    if advanced:
        wrong = any(problem_of(field.path, problems) for field in advanced)
        with st.expander(tr("More settings"), expanded=wrong):
            _grid(advanced, draft, problems, revision)


def _grid(fields: Sequence[Field], draft: Mapping[str, Any], problems: Mapping[str, str], revision: int | str) -> None:
    for start in range(0, len(fields), 3):
        for column, field in zip(st.columns(3), fields[start : start + 3], strict=False):
            with column:
                widget(field, get(draft, field.path), revision)
                say.wrong(problem_of(field.path, problems))


def problem_of(path: str, problems: Mapping[str, str]) -> str:
    """What is wrong at a field or inside it (``model.widths.1``)."""
    return joined(text for at, text in problems.items() if at == path or at.startswith(f"{path}."))


def widget(field: Field, value: Any, revision: int | str) -> None:
    """The input for one setting. Its value is read back from session state by ``read``."""
    key, value = widget_key(field, revision), _to_widget(field, value)
    common = {"key": key, "help": field.help or None}
    if field.kind == "switch":
        st.toggle(say.plain(field.label), value, **common)
    elif field.kind == "choice" and len(field.choices) <= FEW and sum(map(len, field.choices)) < 22:
        st.segmented_control(
            say.plain(field.label), field.choices, default=value, required=True, width="stretch", **common
        )
    elif field.kind == "choice":
        index = field.choices.index(value) if value in field.choices else 0
        st.selectbox(say.plain(field.label), field.choices, index=index, **common)
    else:
        placeholder = {"list": "64, 64", "json": "{}"}.get(field.kind) or (field.optional and field.empty) or None
        # Written too: a tab that outlived its session sends what its fields held there, and ``read`` writes what it understood.
        held = st.session_state.setdefault(key, value)
        st.text_input(say.plain(field.label), held, overrides.LONGEST_VALUE, placeholder=placeholder, **common)
