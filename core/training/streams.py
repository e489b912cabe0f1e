"""Where a run's random numbers come from: one seed, and a stream of its own for each thing that is drawn.

The tasks of validation and test are no part of it: they have a seed of their own, the evaluation's, see ``frozen.py``.
"""

import hashlib
from typing import Literal

Stream = Literal["network", "own layers", "tasks", "noise"]


def stream(seed: int, name: Stream, part: int = 0) -> int:
    """The seed of one of a run's streams, in [0, 2^63).

    network: the network's random start. own layers: what a learner puts around it. tasks: which training tasks are drawn.
    noise: what the network draws itself while it runs, as dropout does. ``part`` counts further streams of the same name.

    Streams of different names or seeds share nothing: each is a SHA-256 of both. The network's is the seed as it stands, so
    that a start which only the seed remembers, as that of a baseline from scratch, is the same in every version.
    """
    if name == "network":
        return seed
    digest = hashlib.sha256(f"{name}/{seed}/{part}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
