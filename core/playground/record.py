"""Trains the runs that the tour shows and keeps what they measured: ``python -m core.playground.record [HOME]``.

Ordinary runs of the presets' recipes, cut short, three seeds each. They train in a home of their own, or in that which is
named; what has finished there under the same config is not trained again.
"""

import json
import subprocess
import sys
import tempfile
from typing import Any

from core.config.overrides import apply
from core.config.presets import preset
from core.config.run import RunConfig
from core.handover.versions import installed
from core.playground.recorded import FILE, TITLES, write
from core.runs import hardware
from core.runs.home import Home
from core.runs.store import RunStore

PRESETS = dict(zip(("doodles-5w1s-maml", "doodles-5w1s-protonet", "doodles-5w1s-pretrain"), TITLES, strict=True))
SEEDS = (0, 1, 2)
# A minute or two of a processor's time each: a narrower network, fewer iterations and fewer queries than the presets'.
SHORT = (
    "model.filters=32",
    "training.iterations=400",
    "training.evaluate_every=80",
    "evaluation.val_episodes=60",
    "evaluation.n_query=5",
    "evaluation.episodes=400",
)
# What makes their tests alike, as the Compare page says: each learner reads BatchNorm's statistics from the examples alone. That
# takes longer, and so is of fewer tasks.
ALIKE = ("--set", "batch_statistics=support", "--set", "evaluation.episodes=100")


def trained(name: str, seed: int, home: Home, store: RunStore) -> int:
    """The number of the run of this preset and seed, trained and tested where it is not yet."""
    changes = [*SHORT, f"seed={seed}"]
    config = RunConfig.model_validate(preset(name).config).model_dump(mode="json")
    wanted = RunConfig.model_validate(apply(config, changes)).model_dump(mode="json")
    known = [run.id for run in store.runs(status={"finished"}) if run.config == wanted]
    asked = ["--preset", name, *(part for change in changes for part in ("--set", change))]
    number = known[0] if known else ordered(home, "train", *asked)["run"]
    tests = [one.result["protocol"] for one in store.evaluations(number, "test") if one.result]
    if not any(one["batch_statistics"] == "support" for one in tests):
        ordered(home, "evaluate", str(number), *ALIKE)
    return number


def ordered(home: Home, *command: str) -> dict[str, Any]:
    """What a command of the command line answers."""
    whole = (sys.executable, "-m", "core", "--home", str(home.root), *command, "--json")
    return json.loads(subprocess.run(whole, check=True, stdout=subprocess.PIPE).stdout)


def main(folder: str) -> None:
    home = Home.find(folder)
    store = RunStore(home.database, home.root)
    # Seed by seed, so that a machine which is busier for a while is so for all of them.
    runs = {(name, seed): trained(name, seed, home, store) for seed in SEEDS for name in PRESETS}
    titles = {runs[name, seed]: title for name, title in PRESETS.items() for seed in SEEDS}
    write(FILE, store, titles, hardware.describe(), installed())


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="innerloop-record-"))
