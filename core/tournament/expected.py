"""What a whole tournament is about to take, from what one run of each learner was measured to take."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core import about
from core.config.run import RunConfig
from core.forecast import Forecast
from core.tournament.plan import Contestant
from core.training.estimate import Estimate
from data.errors import InnerloopError
from data.language import joined, mark, tr

Known = Callable[[RunConfig], Forecast | None]  # raises InnerloopError where measuring failed


@dataclass(frozen=True)
class Expected:
    """estimates: of one run, by the learner's name. unmeasured: those that nobody has measured yet. failed: why those could not
    be, by title.
    """

    seeds: int
    estimates: dict[str, Estimate]
    unmeasured: tuple[Contestant, ...]
    failed: dict[str, str]

    @property
    def whole(self) -> bool:
        return not self.unmeasured and not self.failed

    @property
    def seconds(self) -> dict[str, float]:
        """Of one run, by the learner's name."""
        return {name: one.seconds for name, one in self.estimates.items()}

    @property
    def words(self) -> str:
        """``about 6 min: training 4 min, validation and tests 2 min, one run after the other``; at least where one is unknown."""
        if not self.estimates:
            return ""
        total = self.seeds * sum(self.seconds.values())
        training = self.seeds * sum(one.training for one in self.estimates.values())
        whole = about.roughly(total) if self.whole else tr("at least {amount}", amount=about.duration(total))
        parts = {"training": about.duration(training), "rest": about.duration(total - training)}
        text = mark("{whole}: training {training}, validation and tests {rest}, one run after the other")
        return tr(text, whole=whole, **parts)

    @property
    def unknown(self) -> str:
        """What is not in the sum, in words; empty where nothing is missing."""
        parts = [tr("{title} could not be measured: {why}", title=title, why=why) for title, why in self.failed.items()]
        if self.unmeasured:
            parts.append(tr("Not measured yet: {titles}.", titles=tr(", ").join(one.title for one in self.unmeasured)))
        return joined(parts)


def expected(contestants: Sequence[Contestant], seeds: int, known: Known) -> Expected:
    """contestants: with a config each."""
    estimates, unmeasured, failed = {}, [], {}
    for one in contestants:
        try:
            found = known(one.config)
        except InnerloopError as error:
            failed[one.title] = error.message
            continue
        if found is None:
            unmeasured.append(one)
        else:
            estimates[one.learner] = found.estimate
    return Expected(seeds, estimates, tuple(unmeasured), failed)
