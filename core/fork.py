"""Forks: runs that go on from a checkpoint of another one, under settings that may differ."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from core.algorithms.base import algorithms
from core.config.checks import ConfigError, Problem, parse
from core.config.run import RunConfig
from core.errors import RunError
from core.runs.home import Home
from core.runs.lineage import differences
from core.runs.schema import Run
from core.runs.store import RunStore
from core.training import checkpoint
from core.training.build import learned_shapes
from core.training.schedule import done
from core.training.trainer import NEVER, STATE
from data.language import mark, tr

ANEW = mark("Start anew with these settings: `train --from {run}`, or the switch in the dialog.")
FREE = ("training.", "device", "precision")  # settings that leave the scores of the same weights as they are
Saved = tuple[checkpoint.Checkpoint, dict[str, Tensor], dict[str, Any]]


@dataclass(frozen=True)
class Start:
    """Where a fork begins, in memory: the parent may go on or be deleted meanwhile.

    best: the parent's best checkpoint, if its score still counts; score: what the parent's row says of it.
    """

    parent: int
    saved: Saved
    best: Saved | None = None
    score: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        found = self.saved[0]
        return {"run": self.parent, "checkpoint": found.label, "iteration": found.iteration}

    def copy_to(self, store: RunStore, home: Home, run: Run) -> None:
        """Into the fork's folder, from which its worker goes on as after a stop. Raises CheckpointError."""
        folder = home.artifacts(run).checkpoints()
        if self.best:
            one, weights, state = self.best
            checkpoint.place(folder, "best", one.iteration, weights, state)
        one, weights, state = self.saved
        checkpoint.place(folder, "last", one.iteration, weights, state)
        store.update(run.id, iteration=one.iteration, seconds=state["seconds"], best=self.score)


def start_of(store: RunStore, home: Home, values: dict[str, Any], parent: int, which: str, seeds: int = 1) -> Start:
    """The parent's checkpoint, adapted to a config. which: ``last``, ``best`` or an iteration.

    Raises ConfigError for a setting that it cannot go on with, RunError where there is no such checkpoint, CheckpointError.
    """
    run = store.get(parent)
    config, before = parse(values, home.folders), parse(run.config, home.folders)
    if seeds > 1:
        raise _refused(
            "seed", tr("A fork goes on with the random state of its parent, and there is one of it."), parent
        )
    saved, folder = _saved(run, home, which), home.artifacts(run).checkpoints()
    changed = list(differences([before.model_dump(mode="json"), config.model_dump(mode="json")]))
    _fits(config, before, changed, saved, run.id, home)
    one, weights, state = saved
    best = checkpoint.read_newest(folder, "best") if state["best"] else None
    told = state["best"]["iteration"] if state["best"] else None
    same = all(path.startswith(FREE) for path in changed)
    if same and best and best[0].iteration == told:
        kept = (one, weights, {**state, "kept": [state["best"]]})  # the best alone goes along
        return Start(parent, kept, best, run.best if run.best and run.best["iteration"] == told else None)
    state = {**state, "best": None, "kept": []}
    if any(path.startswith("family.") for path in changed):
        state["content"] = ""  # of other data, as its config says
    if not same:  # what was measured before is of other settings
        state.pop("window", None)
        state["validated"] = (
            state["validated"] if state["validated"] == NEVER else min(state["validated"], one.iteration - 1)
        )
    return Start(parent, (one, weights, state))


def _saved(run: Run, home: Home, which: str) -> Saved:
    """The checkpoint asked for, which a training can go on from."""
    folder = home.artifacts(run).checkpoints()
    there = {kind: checkpoint.newest(folder, kind) for kind in ("last", "best")}
    kinds = [kind for kind, one in there.items() if one and which in (kind, str(one.iteration))]
    found = checkpoint.read_newest(folder, kinds[0]) if kinds else None
    others = checkpoint.found(folder, "kept")
    if found is None:
        found = next(((one, *checkpoint.read(one)) for one in others if str(one.iteration) == which), None)
    if found is None:
        have = tr(", ").join(one.label for one in [*there.values(), *others] if one)
        remedy = (
            tr("It has {checkpoints}.", checkpoints=have)
            if have
            else tr("A run writes its first one after the first validation.")
        )
        raise RunError(tr("Run {id} has no checkpoint {which}.", id=run.id, which=which), remedy)
    if STATE - found[2].keys():
        text = mark("The checkpoint {checkpoint} of run {id} holds weights alone, no training to go on with.")
        text = tr(text, checkpoint=found[0].label, id=run.id)
        raise RunError(text, tr("Continue from its last one: {id}@last.", id=run.id))
    return found


def _fits(config: RunConfig, before: RunConfig, changed: list[str], saved: Saved, parent: int, home: Home) -> None:
    """Raises ConfigError, at the setting, where the checkpoint cannot be gone on from with this config."""
    one, weights, state = saved
    if not algorithms()[before.algorithm.name].meta_trained:
        raise _refused(
            "algorithm.name",
            tr("{learner} is not trained: there is nothing to go on with.", learner=before.algorithm.name),
            parent,
        )
    if config.algorithm.name != before.algorithm.name:
        names = {"before": before.algorithm.name, "now": config.algorithm.name}
        text = tr("These weights are of {before}, not of {now}.", **names)
        raise _refused("algorithm.name", text, parent)
    if config.model != before.model:
        path = next(path for path in changed if path.startswith("model."))
        raise _refused(
            path, tr("These weights are of another network: {name} as it was.", name=before.model.name), parent
        )
    frozen = f"family.{config.family.frozen}" if config.family.frozen else None
    if frozen and (path := next((path for path in changed if path.startswith(frozen)), "")):
        raise _refused(
            path, tr("These weights have learned from what was before them, another frozen network or none."), parent
        )
    if config.training.outer_update != before.training.outer_update:
        raise _refused("training.outer_update", tr("The checkpoint has the state of another outer update."), parent)
    if config.seed != before.seed:
        raise _refused("seed", tr("A fork goes on with the random state of its parent, whatever the seed."), parent)
    if "algorithm.inner_lr" in changed and any(name.partition(".")[0] == "rates" for name in weights):
        raise _refused(
            "algorithm.inner_lr", tr("The inner rates are among the weights, and the checkpoint has them."), parent
        )
    shaped = [path for path in changed if path.startswith(("family.", "algorithm."))]
    if shaped and not _shaped_alike(config, shaped, weights, state, home):
        raise _refused(
            shaped[0], tr("With these settings there are other weights to learn than the checkpoint has."), parent
        )
    if done(config.training, one.iteration, state["seconds"]) >= 1.0:
        spent = one.iteration < config.training.iterations
        path = "training.minutes" if spent else "training.iterations"
        text = mark("The checkpoint is of iteration {iteration}, and there would be nothing left to train.")
        text = tr(text, iteration=one.iteration)
        raise ConfigError(
            [Problem(path, text, tr("Give the fork more: iterations and minutes count from the parent's start."))]
        )


def _shaped_alike(
    config: RunConfig, changed: list[str], weights: dict[str, Tensor], state: dict[str, Any], home: Home
) -> bool:
    """Whether the checkpoint holds what is learned with this config. A person's own network is foreign code, not run here."""
    if config.model.name == "module":
        return not any(path.startswith("family.") for path in changed)
    shapes, trained = learned_shapes(config, home.folders)
    known = sum(len(group["params"]) for group in state["optimizer"]["param_groups"])
    return shapes == {name: value.shape for name, value in weights.items()} and trained == known


def _refused(path: str, text: str, parent: int) -> ConfigError:
    return ConfigError([Problem(path, text, tr(ANEW, run=parent))])
