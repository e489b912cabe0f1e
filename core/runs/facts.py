"""What a page says of a run without knowing its learner or family: written into the row as the run is submitted."""

from dataclasses import asdict, dataclass
from typing import Any

from core.runs.schema import Run
from data.language import mark
from data.metric import Metric


@dataclass(frozen=True)
class Facts:
    """learner: as people call it, ``maml, first order``. learner_title, group: as in the form. family_title: likewise.
    task: a training task in words, ``5-way 1-shot``. metric: what is scored.

    trains: whether there is any training before the test. takes_steps: whether it takes inner steps.
    loss: what the training curves are of, with its unit. support_curve, query_curve: what each of the two is called.
    work: what an iteration is made of, ``tasks`` or ``examples``. work_per_iteration: how many of them.
    cores: of a processor that the run computes with; None for all there are, and where nobody has looked.
    together: whether it can take its meta-steps together with runs of other seeds, in one process.
    preset: whose config it is, but for seed and device; empty if none's, or stored by an earlier version.
    idle: dotted paths of the settings that play no part beside the others. telling: of those that people try again with another
    value, the most telling one first; none of runs stored by an earlier version. fixed_way: whether it can be tested on no
    other number of classes than it was trained on; not known of such runs.
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
    cores: int | None = None
    together: bool = False
    preset: str = ""
    idle: tuple[str, ...] = ()
    telling: tuple[str, ...] = ()
    fixed_way: bool = False

    @classmethod
    def of(cls, run: Run) -> "Facts":
        """What the row says; where it says nothing, as little as can be read from its columns."""
        try:
            return cls.from_json(run.facts)
        except (TypeError, KeyError, AttributeError):  # stored by a version with other learners and families than 0.1's
            return unknown(run)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Facts":
        known = {key: value for key, value in values.items() if key in cls.__dataclass_fields__}
        # Runs made before 0.3 did not say it; what is met most often can be known.
        idle = values.get("idle", () if values["takes_steps"] else ("evaluation.inner_steps",))
        read = {"metric": Metric.from_json(values["metric"]), "idle": tuple(idle)}
        return cls(**known | read | {"telling": tuple(values.get("telling", ()))})


def cores_of(run: Run) -> int | None:
    """What the row says of its ``cores``, as the queue reads it, whatever else is known of the run."""
    return (run.facts or {}).get("cores")


def unknown(run: Run) -> Facts:
    """Of a run whose learner or family nobody wrote down: its names, and its scores as plain numbers."""
    scored = run.test or run.best or {}
    name = scored.get("metric", "score")
    return Facts(
        learner=run.learner or mark("unknown learner"),
        learner_title=run.learner or mark("unknown learner"),
        group="",
        family_title=run.family or mark("unknown tasks"),
        task="",
        metric=Metric(name, name, True),
        trains=True,
        takes_steps=True,
        loss="loss",
        support_curve="support",
        query_curve="query",
        work="tasks",
        work_per_iteration=1,
    )
