"""Presets on photographs: the papers' recipes, for a GPU. Plain values, free of torch.

Where a paper's inner rate is for a loss summed over the classes, that of the mean loss is five times it: 0.05 for 0.01.
"""

from typing import Any

from core.config.preset import Preset
from data.language import mark

SETS = {"mini_imagenet": "mini-ImageNet", "cifar_fs": "CIFAR-FS"}
SHOTS = (1, 5)
QUERIES = 15
CONV32 = {"name": "conv4", "filters": 32, "downsampling": "max-pool"}
CONV64 = {"name": "conv4", "filters": 64, "downsampling": "max-pool"}
RESNET = {"name": "resnet12"}
# Finn et al. 2017, section 5.2: their network, five inner steps, ten in the test; four tasks of one shot, two of five; gradients
# kept within ± 10.
STEPPING = {"inner_lr": 0.05, "inner_steps": 5}
GRADIENT = {"iterations": 60_000, "meta_lr": 1e-3, "gradient_clip": 10.0, "evaluate_every": 1000}
STEPPERS: dict[str, tuple[str, dict[str, Any]]] = {
    "maml": ("MAML", {"name": "maml", **STEPPING}),
    "fomaml": (mark("First-order MAML"), {"name": "maml", "first_order": True, **STEPPING}),
    "anil": ("ANIL", {"name": "anil", **STEPPING}),
}
# Snell et al. 2017: more classes in training than in the test, Adam at 1e-3 halved every 2000 episodes.
HALVED = {"schedule": "exponential", "decay_rate": 0.5, "decay_every": 2000, "staircase": True}
EPISODES = {"iterations": 20_000, "meta_batch_size": 1, "meta_lr": 1e-3, "evaluate_every": 1000, **HALVED}
WAYS = {1: 30, 5: 20}  # classes of a training task, by its shots


def stepper(family: str, learner: str, k_shot: int) -> Preset:
    """A learner of MAML's kind, trained as Finn et al. did on mini-ImageNet."""
    title, algorithm = STEPPERS[learner]
    return Preset(
        f"{family}-5w{k_shot}s-{learner}",
        mark("{learner} on {family}, 5-way {k_shot}-shot", learner=title, family=SETS[family], k_shot=k_shot),
        mark("{learner} as Finn et al. 2017 trained on mini-ImageNet: 60 000 meta-steps; for a GPU.", learner=title),
        family,
        {
            "family": {"name": family, "n_way": 5, "k_shot": k_shot, "n_query": QUERIES},
            "model": CONV32,
            "algorithm": algorithm,
            "training": {**GRADIENT, "meta_batch_size": 4 if k_shot == 1 else 2},
            "evaluation": {"inner_steps": 10, "n_query": QUERIES},
        },
    )


def protonet(family: str, k_shot: int, network: dict[str, Any], ending: str, said: str) -> Preset:
    """ProtoNet as Snell et al. trained it on mini-ImageNet. ending: of the name. said: the network in words."""
    return Preset(
        f"{family}-5w{k_shot}s-protonet{ending}",
        mark("ProtoNet{network} on {family}, 5-way {k_shot}-shot", network=said, family=SETS[family], k_shot=k_shot),
        mark(
            "As Snell et al. 2017 trained on mini-ImageNet, on {ways} classes at a time; for a GPU.", ways=WAYS[k_shot]
        ),
        family,
        {
            "family": {"name": family, "n_way": WAYS[k_shot], "k_shot": k_shot, "n_query": QUERIES},
            "model": network,
            "algorithm": {"name": "protonet"},
            "training": EPISODES,
            "evaluation": {"n_way": 5, "n_query": QUERIES},
        },
    )


PHOTOGRAPHS = [stepper(family, learner, k_shot) for family in SETS for learner in STEPPERS for k_shot in SHOTS]
PHOTOGRAPHS += [protonet(family, k_shot, CONV64, "", "") for family in SETS for k_shot in SHOTS]
PHOTOGRAPHS += [
    protonet(family, k_shot, RESNET, "-resnet12", mark(" with ResNet-12")) for family in SETS for k_shot in SHOTS
]
