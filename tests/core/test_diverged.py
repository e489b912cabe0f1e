"""What is said of tasks that diverged, and the way out of it."""

import pytest

from core import diverged
from data.metric import RULE, SQUARED_ERROR
from tests.core.tiny import tiny

OLD = {"mean": 5.2e27, "ci95": 1e27, "episodes": 600, "non_finite": 0}
NEW = OLD | {
    "diverged": 3,
    "median": 0.4,
    "quartiles": [0.2, 0.9],
    "remedy": "Mend it.",
    "protocol": {"diverged": RULE},
}


@pytest.mark.parametrize(
    ("learner", "steps", "said"),
    [
        (
            "maml",
            10,
            "Set fewer ‘Inner steps at test’ (now 10), or train with a lower ‘Inner learning rate’ (now 0.01).",
        ),
        ("meta-sgd", 1, "Train with a lower ‘Initial inner rate’ (now 0.1)."),
        (
            "pretrain",
            5,
            "Set fewer ‘Inner steps at test’ (now 5), or train with a lower ‘Fine-tuning rate’ (now chosen on validation).",
        ),
        ("cnp", 0, ""),
    ],
)
def test_the_remedy_names_the_settings_that_the_learner_has(learner: str, steps: int, said: str) -> None:
    base = {"maml": ["algorithm.inner_lr=0.01"]}.get(learner, [])
    assert diverged.remedy(tiny("sinusoid", f"algorithm={learner}", *base), steps) == said


def test_what_is_said() -> None:
    assert diverged.sentence(NEW).startswith("3 of 600 tasks diverged: error more than 100 times ")
    assert diverged.sentence(NEW).endswith(" Mend it.")
    assert diverged.remark(SQUARED_ERROR, NEW) == "; 3 of 600 tasks diverged, median 0.4, quartiles 0.2 and 0.9"


@pytest.mark.parametrize("result", [OLD, NEW | {"diverged": 0}, {}, None])
def test_nothing_is_said_where_none_diverged_or_nobody_counted(result: dict | None) -> None:
    assert diverged.count(result) == 0
    assert diverged.sentence(result or {}) == diverged.remark(SQUARED_ERROR, result) == ""
