"""Trying out a run's learner, network and tasks before it is queued; a person's own code in a process of its own.

Foreign code never runs in the server: a file that was edited counts at once, and a network or an environment that hangs, ends
its process or takes hold of memory does so elsewhere.
"""

from pathlib import Path
from typing import Any

from core import about
from core.algorithms.base import algorithms
from core.config.run import RunConfig
from core.elsewhere import Died, Question, Refused, Start, TookTooLong, spawned
from core.models.base import ModelError
from core.models.module import named as module_named
from core.training.build import Trial, check
from data import extractor
from data.language import tr
from data.own_code import Named
from data.places import Folders
from data.registry import families

SECONDS = 90.0  # within which code of one's own has to be tried; importing torch takes some of them


def tried(config: RunConfig, folders: Folders | None = None, start: Start = spawned) -> Trial:
    """How the run will compute. Raises ModelError with reason and remedy where its network cannot learn the tasks.

    start: how the process of a person's own code is made.
    """
    return _elsewhere(config, folders, start) if own_parts(config) else check(config, folders)


def own_code(config: RunConfig) -> list[Named]:
    """Code of a person's own that the run runs; empty where all of it is Innerloop's."""
    found = families()[config.family.name].own_code(config.family)
    if config.model.name == "module" and algorithms()[config.algorithm.name].uses_network:
        found.append(module_named(config.model.path))
    if config.family.frozen == "extractor" and config.family.extractor:
        found.append(extractor.named(config.family.extractor))
    return found


def own_parts(config: RunConfig) -> dict[str, str]:
    """What of a person's own the run is made of, code or a frozen network, by the settings that name it."""
    found = {one.at: one.path for one in own_code(config)}
    return found | ({f"family.{config.family.frozen}": named} if (named := config.family.frozen_network) else {})


def _elsewhere(config: RunConfig, folders: Folders | None, start: Start) -> Trial:
    own = own_parts(config)
    at, said = next(iter(own)), about.listed(list(own.values()), "and")
    asked = {"config": config.model_dump(mode="json"), "folders": folders and [str(path) for path in folders]}
    try:
        return Trial(*Question("core.trial:try_here", asked, SECONDS, start=start).answer())
    except Refused as error:
        raise ModelError(error.message, error.remedy, error.path) from None
    except TookTooLong:
        text = tr("{what} did not come to an end within {seconds:.0f} s.", what=said, seconds=SECONDS)
        raise ModelError(text, tr("It has to be built and tried on two tasks in seconds."), at) from None
    except Died as error:
        text = tr("{what} ended the process {how} while it was tried out.", what=said, how=error.how)
        remedy = tr("It must not end its process; the server's log has what it printed.")
        raise ModelError(text, remedy, at) from None


def try_here(asked: dict[str, Any]) -> Trial:
    """The same in the process that was started for it."""
    import torch

    torch.set_num_threads(1)  # as in the server: a run may be using the cores
    folders = asked["folders"] and Folders(*map(Path, asked["folders"]))
    return check(RunConfig.model_validate(asked["config"]), folders)
