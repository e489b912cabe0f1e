"""Tasks that adapting made worse by orders of magnitude: said of a result as it is stored, and what to set otherwise.

Results of earlier versions do not count them, and nothing is said of these.
"""

import re
from typing import TYPE_CHECKING, Any

from core import about
from data import language
from data.config import Config
from data.language import mark, tr
from data.metric import Metric

if TYPE_CHECKING:
    from core.config.run import RunConfig

FEWER, LOWER = mark("set fewer {title} (now {value})"), mark("train with a lower {title} (now {value})")
KEPT = re.compile(
    r"(?:(set fewer)|train with a lower) ‘(.+?)’ \(now (.+?)\)", re.IGNORECASE
)  # either of them, as it is stored
RATES = ("inner_lr", "finetune_lr")  # what learners call the size of an inner step, where a person may set it


def remedy(config: "RunConfig", steps: int) -> str:
    """What to set otherwise where so many inner steps lead astray, by the form's titles; only what the learner has.

    In English, as results keep it; ``sentence`` has it in the reader's language.
    """
    found = [FEWER.format(title=_title(config.evaluation, "inner_steps"), value=steps)] if steps > 1 else []
    for name in RATES:
        if field := type(config.algorithm).model_fields.get(name):
            rate = getattr(config.algorithm, name)
            now = field.json_schema_extra["empty"] if rate is None else f"{rate:g}"
            found.append(LOWER.format(title=_title(config.algorithm, name), value=now))
    text = ", or ".join(found)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _title(config: Config, name: str) -> str:
    return f"‘{type(config).model_fields[name].title}’"


def count(result: dict[str, Any] | None) -> int:
    """How many of a result's tasks diverged, as far as is known."""
    return (result or {}).get("diverged") or 0


def counted(result: dict[str, Any]) -> str:
    """``3 of 600 tasks diverged``."""
    return tr("{n} of {total} tasks diverged", n=count(result), total=result["episodes"])


def sentence(result: dict[str, Any]) -> str:
    """How many diverged, by which rule, and the way out; "" where none did."""
    if not count(result):
        return ""
    rule, remedy = tr(result["protocol"]["diverged"]), _told(result["remedy"])
    return tr("{counted}: {rule}. {remedy}", counted=counted(result), rule=rule, remedy=remedy).strip()


def _told(remedy: str) -> str:
    """A remedy in the reader's language."""
    found = KEPT.findall(remedy)
    if not found or language.current() == language.ENGLISH:
        return remedy
    said = [tr(FEWER if fewer else LOWER, title=f"‘{tr(title)}’", value=tr(value)) for fewer, title, value in found]
    return tr("{remedy}.", remedy=about.listed(said, "or"))


def middle(metric: Metric, result: dict[str, Any]) -> str:
    """What the mean does not say any more: ``median 0.434, quartiles 0.179 and 0.863``."""
    low, high = result["quartiles"]
    median, low, high = (metric.text(value) for value in (result["median"], low, high))
    return tr("median {median}, quartiles {low} and {high}", median=median, low=low, high=high)


def remark(metric: Metric, result: dict[str, Any] | None) -> str:
    """Follows a mean that diverged tasks are part of: ``; 3 of 600 tasks diverged, median …``. "" where none did."""
    return tr("; {counted}, {middle}", counted=counted(result), middle=middle(metric, result)) if count(result) else ""
