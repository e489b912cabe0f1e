"""A run once more, here or elsewhere: its config as a file and the command line that takes it.

The device is left out of both: which there is depends on the machine, and the numbers do not.
"""

import json
import shlex
from typing import Any

from core.runs import lineage
from core.runs.schema import Run
from data.language import tr

COMMAND = ("python", "-m", "core", "train")


def config(run: Run) -> dict[str, Any]:
    """All that determines the run's numbers, with the device only where the run is divided among its processes."""
    divided = run.config.get("training", {}).get("processes", 1) > 1
    return {key: value for key, value in run.config.items() if key != "device" or divided}


def config_text(run: Run) -> str:
    """The same as a file for ``train --config``."""
    return json.dumps(config(run), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def config_file(run: Run) -> str:
    """What that file is called."""
    return f"innerloop-run-{run.id}.json"


def command(run: Run) -> str:
    """The command line that trains it again from that file."""
    return shlex.join([*COMMAND, "--config", config_file(run), "--name", run.name])


def begun(run: Run) -> str:
    """What its settings do not say: where it began, if from another run's checkpoint. Empty for all others."""
    if start := lineage.start(run.facts):
        parent, iteration = start
        return tr(
            "It went on from run {run} at iteration {iteration}. These settings alone train from the beginning, and come to "
            "other numbers.",
            run=parent,
            iteration=iteration,
        )
    return ""


def command_of_preset(run: Run) -> str:
    """The same without a file: from the preset that takes the fewest changes. Raises ConfigError where the run's config is not
    one of this version any more.
    """
    from core.config.presets import PRESETS  # with launch, which brings torch
    from core.launch import changed

    wanted = changed({"device": "auto"} | config(run))
    found = [(preset.name, assignments(changed(preset.config), wanted)) for preset in PRESETS]
    name, changes = min(found, key=lambda one: len(one[1]))
    said = [part for change in changes for part in ("--set", change)]
    return shlex.join([*COMMAND, "--preset", name, *said, "--seed", str(wanted["seed"]), "--name", run.name])


def assignments(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What ``--set`` has to be told so that one complete config becomes the other, but for the seed."""
    from core.config.overrides import BRANCHES, apply

    branches = [f"{name}={after[name]['name']}" for name in BRANCHES if before[name]["name"] != after[name]["name"]]
    before, pairs = apply(before, branches), []
    for section, value in after.items():
        inner = value.items() if isinstance(value, dict) else ()
        pairs += [(f"{section}.{key}", before[section][key], one) for key, one in inner]
        pairs += [] if inner or section == "seed" else [(section, before[section], value)]
    return branches + [f"{path}={json.dumps(new)}" for path, old, new in pairs if new != old]
