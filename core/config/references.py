"""What presets reached when we trained them, for pages to say before a launch: the one place for it, with sources.

Of the preset's own config, with seed 0, on its own frozen test tasks. What nobody measured is not here.
"""

from dataclasses import dataclass

from data.language import mark, tr
from data.metric import SQUARED_ERROR, Metric, accuracy

MACHINE = mark("two cores of an AMD EPYC")


@dataclass(frozen=True)
class Reference:
    """A final test. mean, ci95: accuracy in [0, 1] or mean squared error, and the half-width of its 95 % interval. tasks: that it
    was tested on. protocol: how. seconds: the whole run took, None where the machine was not idle. machine: that it ran on.
    minutes: after which it was ended, short of the preset's iterations; None for a whole run. source: where it was written down.
    """

    metric: Metric
    mean: float
    ci95: float
    tasks: int
    protocol: str
    seconds: float | None
    source: str
    machine: str = MACHINE
    minutes: float | None = None

    @property
    def score(self) -> str:
        """``95.15 ± 0.41 % accuracy``."""
        return f"{self.metric.text(self.mean, self.ci95)} {tr(self.metric.title)}"


FIVE_WAY = mark("5-way, 1-shot, 15 queries")
SINES = mark("5-shot, 100 queries, 10 steps")
README = mark("README, Results; torch 2.13.0")
TRAINED = "`python -m core train --preset …`; torch 2.13.0"
REFERENCES = {
    "sinusoid-maml": Reference(SQUARED_ERROR, 0.309, 0.020, 2000, SINES, 60.0, README),
    "omniglot-5w1s-quick": Reference(
        accuracy(5),
        0.9515,
        0.0041,
        600,
        mark("{tasks}, 3 steps, BatchNorm by queries together", tasks=FIVE_WAY),
        766.0,
        README,
    ),
    "omniglot-5w1s-protonet": Reference(
        accuracy(5),
        0.9822,
        0.0024,
        600,
        mark("{tasks}, BatchNorm by support and queries together", tasks=FIVE_WAY),
        None,
        README,
        minutes=10,
    ),
    # On cores that others used too, so that their times say nothing.
    "sinusoid-pretrain": Reference(SQUARED_ERROR, 2.033, 0.101, 2000, SINES, None, TRAINED),
    "omniglot-5w1s-pretrain": Reference(
        accuracy(5),
        0.9434,
        0.0042,
        600,
        mark("{tasks}, 4 steps, BatchNorm by queries together", tasks=FIVE_WAY),
        None,
        TRAINED,
    ),
    "article-mlp": Reference(accuracy(5), 0.7951, 0.0138, 600, mark("{tasks}, 3 steps", tasks=FIVE_WAY), None, TRAINED),
}
