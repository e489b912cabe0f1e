"""Named starting points. Plain values, free of torch, so that every page and the command line can list them at once.

Where a paper gives the inner rate for a loss summed over classes, the equivalent on our mean loss is used (README, glossary).
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Preset:
    """A complete config under a name. ``summary`` says in a sentence what to expect of it."""

    name: str
    title: str
    summary: str
    group: str
    config: dict[str, Any]


def _omniglot(n_way: int, **training_task: Any) -> dict[str, Any]:
    return {"name": "omniglot", "n_way": n_way, "k_shot": 1, **training_task}


STRIDED = {"name": "conv4", "filters": 64, "downsampling": "stride"}
# Finn et al. 2017, section 5.1, but for two things that the README's results compare: trained on five points, as it is tested,
# and with PyTorch's own start. Their weights start with deviation 0.01 and biases at 0, so that every kink of the network
# starts at x = 0.
SINUSOID = {"name": "sinusoid", "k_shot": 5, "n_query": 10}
SINUSOID_MLP = {"name": "mlp", "widths": [40, 40]}
SINUSOID_TEST = {"k_shot": 5, "n_query": 100, "inner_steps": 10, "episodes": 2000, "val_episodes": 1000}

PRESETS = [
    Preset(
        "sinusoid-maml",
        "MAML on sinusoids",
        "The paper's 70 000 meta-steps: after one gradient step on five points the network fits a new sine wave.",
        "sinusoid",
        {
            "family": SINUSOID,
            "model": SINUSOID_MLP,
            "algorithm": {"name": "maml", "inner_lr": 0.01, "inner_steps": 1},
            "training": {"iterations": 70_000, "meta_batch_size": 25, "meta_lr": 1e-3, "evaluate_every": 5000},
            "evaluation": SINUSOID_TEST,
        },
    ),
    Preset(
        "sinusoid-pretrain",
        "Pretraining on sinusoids",
        "The baseline beside it: one network trained on all sinusoids pooled, then fine-tuned.",
        "sinusoid",
        {
            "family": SINUSOID,
            "model": SINUSOID_MLP,
            "algorithm": {"name": "pretrain", "batch_size": 250},
            "training": {"iterations": 70_000, "meta_lr": 1e-3, "evaluate_every": 10_000},
            "evaluation": SINUSOID_TEST,
        },
    ),
    Preset(
        "doodles-5w1s",
        "MAML on doodles",
        "Characters that nobody drew before, five at a time, one example each. Works offline at once.",
        "doodles",
        {
            "family": {"name": "doodles", "n_way": 5, "k_shot": 1, "n_query": 5},
            "model": STRIDED,
            "algorithm": {"name": "maml", "inner_lr": 0.4, "inner_steps": 1},
            "training": {
                "iterations": 2000,
                "meta_batch_size": 16,
                "meta_lr": 3e-3,
                "evaluate_every": 200,
                "schedule": "cosine",
            },
            "evaluation": {"inner_steps": 3},
        },
    ),
    Preset(
        "omniglot-5w1s-quick",
        "MAML on Omniglot, quick",
        "What learns fastest on two cores: above 90 % on new characters within five minutes.",
        "omniglot",
        {
            "family": _omniglot(5, n_query=5),
            "model": STRIDED,
            "algorithm": {"name": "maml", "inner_lr": 0.4, "inner_steps": 1},
            "training": {
                "iterations": 1000,
                "meta_batch_size": 16,
                "meta_lr": 3e-3,
                "evaluate_every": 200,
                "schedule": "cosine",
            },
            "evaluation": {"inner_steps": 3},
        },
    ),
    Preset(
        "omniglot-5w1s-paper",
        "MAML on Omniglot, 5-way 1-shot, as published",
        "Finn et al. 2017: 60 000 iterations of 32 tasks; for a GPU or a long night. BatchNorm's scale and shift adapt too.",
        "omniglot",
        {
            "family": _omniglot(5, n_query=1, split="finn"),
            "model": STRIDED,
            "algorithm": {"name": "maml", "inner_lr": 2.0, "inner_steps": 1},
            "training": {"iterations": 60_000, "meta_batch_size": 32, "meta_lr": 1e-3, "evaluate_every": 1000},
            "evaluation": {"inner_steps": 3},
        },
    ),
    Preset(
        "omniglot-20w1s-paper",
        "MAML on Omniglot, 20-way 1-shot, as published",
        "Finn et al. 2017: 16 tasks of 20 characters, five inner steps; for a GPU. BatchNorm's scale and shift adapt too.",
        "omniglot",
        {
            "family": _omniglot(20, n_query=1, split="finn"),
            "model": STRIDED,
            "algorithm": {"name": "maml", "inner_lr": 2.0, "inner_steps": 5},
            "training": {"iterations": 60_000, "meta_batch_size": 16, "meta_lr": 1e-3, "evaluate_every": 1000},
            "evaluation": {"inner_steps": 5},
        },
    ),
    Preset(
        "omniglot-5w1s-pretrain",
        "Pretraining on Omniglot",
        "The baseline: an ordinary classifier of all training characters, then a new output layer and fine-tuning.",
        "omniglot",
        {
            "family": _omniglot(5, n_query=5),
            "model": STRIDED,
            "algorithm": {"name": "pretrain", "batch_size": 64},
            "training": {"iterations": 6000, "meta_lr": 1e-3, "evaluate_every": 1000, "schedule": "cosine"},
        },
    ),
    Preset(
        "article-mlp",
        "The article's MLP on Omniglot",
        "MAML with a plain 128-64 network on flattened pictures, Adam 1e-3 decaying by 0.9 every 1000 steps.",
        "omniglot",
        {
            "family": _omniglot(5, n_query=5),
            "model": {"name": "mlp", "widths": [128, 64]},
            "algorithm": {"name": "maml", "inner_lr": 0.4, "inner_steps": 1},
            "training": {
                "iterations": 10_000,
                "meta_batch_size": 16,
                "meta_lr": 1e-3,
                "schedule": "exponential",
                "decay_rate": 0.9,
                "decay_every": 1000,
                "staircase": True,
                "evaluate_every": 1000,
            },
            "evaluation": {"inner_steps": 3},
        },
    ),
]


def preset(name: str) -> Preset:
    """The preset of this name. Raises ``KeyError`` where there is none."""
    return {item.name: item for item in PRESETS}[name]
