"""What a page says of a run without knowing its learner or family: written into the row as the run is submitted."""

from dataclasses import asdict, dataclass
from typing import Any

from data.metric import Metric


@dataclass(frozen=True)
class Facts:
    """learner: as people call it, ``maml, first order``. learner_title, group: as in the form. family_title: likewise.
    task: a training task in words, ``5-way 1-shot``. metric: what is scored.

    trains: whether there is any training before the test. takes_steps: whether it takes inner steps.
    loss: what the training curves are of, with its unit. support_curve, query_curve: what each of the two is called.
    work: what an iteration is made of, ``tasks`` or ``examples``. work_per_iteration: how many of them.
    """

    learner: str
    learner_title: str
    group: str
    family_title: str
    task: str
    metric: Metric
    trains: bool
    takes_steps: bool
    loss: str
    support_curve: str
    query_curve: str
    work: str
    work_per_iteration: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Facts":
        known = {key: value for key, value in values.items() if key in cls.__dataclass_fields__}
        return cls(**known | {"metric": Metric.from_json(values["metric"])})
