"""Trains the runs that the tour shows and keeps what they measured: ``python -m core.playground.record [HOME]``.

Ordinary runs of the presets' recipes, cut short, three seeds each. They train in a home of their own, or in that which is
named; what has finished there under the same config is not trained again.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from core.config.overrides import apply
from core.config.presets import preset
from core.config.run import RunConfig
from core.handover.versions import installed
from core.playground.recorded import FILE, TITLES, write
from core.retest import keep
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
ALIKE = ("batch_statistics=support", "evaluation.episodes=100")


def trained(name: str, seed: int, home: Home, store: RunStore) -> int:
    """The number of the run of this preset and seed, trained where there is none."""
    changes = [*SHORT, f"seed={seed}"]
    config = RunConfig.model_validate(preset(name).config).model_dump(mode="json")
    wanted = RunConfig.model_validate(apply(config, changes)).model_dump(mode="json")
    known = [run.id for run in store.runs(status={"finished"}) if run.config == wanted]
    return known[0] if known else launched(name, changes, home)


def launched(name: str, changes: Sequence[str], home: Home) -> int:
    """Train it by the command line, as anybody would."""
    options = [part for change in changes for part in ("--set", change)]
    command = (sys.executable, "-m", "core", "--home", str(home.root), "train", "--preset", name, *options, "--json")
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)["run"]


def tested(number: int, home: Home, store: RunStore) -> None:
    """With ``ALIKE`` as well, unless it is already."""
    known = [one for one in store.evaluations(number, "test") if one.result]
    if not any((one.result["protocol"]["batch_statistics"], one.episodes) == ("support", 100) for one in known):
        keep(home, store, store.get(number), ALIKE, lambda _: None)


def main(folder: str) -> None:
    home = Home.find(folder)
    store = RunStore(home.database, home.root)
    # Seed by seed, so that a machine which is busier for a while is so for all of them.
    runs = {(name, seed): trained(name, seed, home, store) for seed in SEEDS for name in PRESETS}
    for number in runs.values():
        tested(number, home, store)
    titles = {runs[name, seed]: title for name, title in PRESETS.items() for seed in SEEDS}
    write(FILE, store, titles, hardware.describe(), installed())


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="innerloop-record-"))
