"""Tasks that adapting made worse by orders of magnitude: said of a result as it is stored, and what to set otherwise.

Results of earlier versions do not count them, and nothing is said of these.
"""

from typing import TYPE_CHECKING, Any

from data.config import Config
from data.metric import Metric

if TYPE_CHECKING:
    from core.config.run import RunConfig

RATES = ("inner_lr", "finetune_lr")  # what learners call the size of an inner step, where a person may set it


def remedy(config: "RunConfig", steps: int) -> str:
    """What to set otherwise where so many inner steps lead astray, by the form's titles; only what the learner has."""
    found = [f"set fewer {_title(config.evaluation, 'inner_steps')} (now {steps})"] if steps > 1 else []
    for name in RATES:
        if field := type(config.algorithm).model_fields.get(name):
            rate = getattr(config.algorithm, name)
            now = field.json_schema_extra["empty"] if rate is None else f"{rate:g}"
            found.append(f"train with a lower {_title(config.algorithm, name)} (now {now})")
    text = ", or ".join(found)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _title(config: Config, name: str) -> str:
    return f"‘{type(config).model_fields[name].title}’"


def count(result: dict[str, Any] | None) -> int:
    """How many of a result's tasks diverged, as far as is known."""
    return (result or {}).get("diverged") or 0


def counted(result: dict[str, Any]) -> str:
    """``3 of 600 tasks diverged``."""
    return f"{count(result)} of {result['episodes']} tasks diverged"


def sentence(result: dict[str, Any]) -> str:
    """How many diverged, by which rule, and the way out; "" where none did."""
    if not count(result):
        return ""
    return f"{counted(result)}: {result['protocol']['diverged']}. {result['remedy']}".strip()


def middle(metric: Metric, result: dict[str, Any]) -> str:
    """What the mean does not say any more: ``median 0.434, quartiles 0.179 and 0.863``."""
    low, high = result["quartiles"]
    return f"median {metric.text(result['median'])}, quartiles {metric.text(low)} and {metric.text(high)}"


def remark(metric: Metric, result: dict[str, Any] | None) -> str:
    """Follows a mean that diverged tasks are part of: ``; 3 of 600 tasks diverged, median …``. "" where none did."""
    return f"; {counted(result)}, {middle(metric, result)}" if count(result) else ""
