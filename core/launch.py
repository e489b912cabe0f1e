"""From what a person chose to queued runs: the same way from every page and the command line."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from core import fork
from core.config.checks import ConfigError, Problem, parse
from core.config.facts import facts_of
from core.config.overrides import apply
from core.config.presets import Preset
from core.config.run import LARGEST_SEED
from core.elsewhere import forked, spawned
from core.runs import scheduler
from core.runs.home import Home
from core.runs.names import checked_name
from core.runs.scheduler import Launch
from core.runs.schema import Run
from core.runs.store import RunStore
from core.trial import tried
from data.errors import FILES, DataError
from data.language import tr
from data.registry import families


def launch(
    store: RunStore,
    home: Home,
    values: dict[str, Any],
    name: str,
    seeds: int = 1,
    *,
    parent: int | None = None,
    checkpoint: str = "",
) -> list[Run]:
    """Check a config, try it out and queue it once per seed, from its own seed upwards. Several seeds form a group.

    parent: number of the run that the config was made from. checkpoint: of this run, to go on from: ``last``, ``best`` or
    an iteration; empty to start anew.
    Raises InputError for the name, ConfigError, DataError, ModelError or RunError; then nothing is queued.
    """
    begun = fork.start_of(store, home, values, parent, checkpoint, seeds) if parent and checkpoint else None
    launches = prepared(values, checked_name(name), seeds, home)
    if begun:
        (one,) = launches
        facts = {
            **(one.facts or {}),
            "preset": "",
            "start": begun.as_json(),
        }  # the parent may have begun under other settings
        ready = partial(begun.copy_to, store, home)
        return scheduler.submit(store, home, [one._replace(facts=facts)], parent=parent, ready=ready)
    group = f"{name.strip()} × {seeds}" if seeds > 1 else None
    return scheduler.submit(store, home, launches, group, parent=parent)


def from_preset(preset: Preset, assignments: Sequence[str] = ()) -> dict[str, Any]:
    """The preset's complete config, changed by ``--set`` assignments. Raises ConfigError."""
    return changed(preset.config, assignments)


def changed(config: dict[str, Any], assignments: Sequence[str] = ()) -> dict[str, Any]:
    """A config of plain values, such as a run's, made complete and changed by ``--set`` assignments. Raises ConfigError."""
    complete = parse(config).model_dump(mode="json")
    return parse(apply(complete, list(assignments))).model_dump(mode="json")


def prepared(values: dict[str, Any], name: str, seeds: int = 1, home: Home | None = None) -> list[Launch]:
    """A launch for each of so many consecutive seeds, after one trial of learner and network. Raises ConfigError, ModelError, and
    DataError where the family's files are missing.

    home: where the data are, for families that have to look at them before it is known which tasks they can give, and the
    process that tries a network of one's own at once.
    """
    folders = home.folders if home else None
    config = parse(values, folders)
    if home:
        need_files(config.family.name, home)
    if config.seed + seeds - 1 > LARGEST_SEED:
        text = tr("{n} seeds from {first} on end beyond {largest}.", n=seeds, first=config.seed, largest=LARGEST_SEED)
        last = LARGEST_SEED - seeds + 1
        raise ConfigError([Problem("seed", text, tr("Start at {seed} or below.", seed=last), ({"seed": last},))])
    trial = tried(config, folders, forked(home) if home else spawned)
    facts = replace(facts_of(config), cores=trial.cores, together=trial.together).as_json()
    complete = config.model_dump(mode="json")
    numbers = range(config.seed, config.seed + seeds)
    names = {seed: f"{name} seed {seed}" if seeds > 1 else name for seed in numbers}
    return [Launch(names[seed], {**complete, "seed": seed}, facts) for seed in numbers]


def need_files(name: str, home: Home) -> None:
    """Raises DataError with the path FILES where a family's data set is not here."""
    family = families()[name]
    if missing := family.missing(home.datasets):
        places = tr(", ").join(str(path) for path in missing)
        fetch = tr("Download it on the Train page, or put it there by hand: {places}.", places=places)
        raise DataError(family.needs(missing), tr(family.by_hand) if family.by_hand else fetch, FILES)


def launch_here(asked: dict[str, Any]) -> list[int]:
    """``launch`` for a process that has not imported torch, by one that has: the numbers of the runs.

    asked: its arguments by name, but for store and home, which the environment names.
    """
    home = Home.find()
    return [run.id for run in launch(RunStore(home.database, home.root), home, **asked)]
