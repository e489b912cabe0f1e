"""Trying out a run's learner and network before it is queued; a person's own network in a process of its own.

Foreign code never runs in the server: a file that was edited counts at once, and a network that hangs, ends its process or
takes hold of memory does so elsewhere.
"""

from pathlib import Path
from typing import Any

from core.algorithms.base import algorithms
from core.config.run import RunConfig
from core.elsewhere import Died, Question, Refused, Start, TookTooLong, spawned
from core.models.base import ModelError
from core.training.build import Trial, check
from data.places import Folders

SECONDS = 90.0  # within which a network of one's own has to be built and tried; importing torch takes some of them


def tried(config: RunConfig, folders: Folders | None = None, start: Start = spawned) -> Trial:
    """How the run will compute. Raises ModelError with reason and remedy where its network cannot learn the tasks.

    start: how the process of a person's own network is made.
    """
    return _elsewhere(config, folders, start) if own_networks(config) else check(config, folders)


def own_networks(config: RunConfig) -> dict[str, str]:
    """A person's own networks that the run needs, to learn with or frozen, by the settings that name them."""
    found = {}
    if config.model.name == "module" and algorithms()[config.algorithm.name].uses_network:
        found["model.path"] = config.model.path
    if named := config.family.frozen_network:
        found[f"family.{config.family.frozen}"] = named
    return found


def _elsewhere(config: RunConfig, folders: Folders | None, start: Start) -> Trial:
    at, path = next(iter(own_networks(config).items()))
    asked = {"config": config.model_dump(mode="json"), "folders": folders and [str(path) for path in folders]}
    try:
        return Trial(*Question("core.trial:try_here", asked, SECONDS, start=start).answer())
    except Refused as error:
        raise ModelError(error.message, error.remedy, error.path) from None
    except TookTooLong:
        text = f"{path} did not come to an end within {SECONDS:.0f} s."
        raise ModelError(text, "It has to be built and to answer for two tasks in seconds.", at) from None
    except Died as error:
        text = f"{path} ended the process {error.how} while it was tried out."
        remedy = "A network must not end its process; the server's log has what it printed."
        raise ModelError(text, remedy, at) from None


def try_here(asked: dict[str, Any]) -> Trial:
    """The same in the process that was started for it."""
    import torch

    torch.set_num_threads(1)  # as in the server: a run may be using the cores
    folders = asked["folders"] and Folders(*map(Path, asked["folders"]))
    return check(RunConfig.model_validate(asked["config"]), folders)
