"""Named starting points. Plain values, free of torch, so that every page and the command line can list them at once.

Where a paper gives the inner rate for a loss summed over classes, the equivalent on our mean loss is used (README, glossary).
"""

from dataclasses import dataclass, field
from typing import Any

from core.config.photographs import PHOTOGRAPHS
from core.config.preset import Preset
from data.language import mark


def _omniglot(n_way: int, **training_task: Any) -> dict[str, Any]:
    return {"name": "omniglot", "n_way": n_way, "k_shot": 1, **training_task}


STRIDED = {"name": "conv4", "filters": 64, "downsampling": "stride"}
POOLED = STRIDED | {"downsampling": "max-pool"}
# Finn et al. 2017, section 5.1, but for two things that the README's results compare: trained on five points, as it is tested,
# and with PyTorch's own start. Their weights start with deviation 0.01 and biases at 0, so that every kink of the network
# starts at x = 0.
SINUSOID = {"name": "sinusoid", "k_shot": 5, "n_query": 10}
SINUSOID_MLP = {"name": "mlp", "widths": [40, 40]}
SINUSOID_TEST = {"k_shot": 5, "n_query": 100, "inner_steps": 10, "episodes": 2000, "val_episodes": 1000}

FEATURED = [
    Preset(
        "sinusoid-maml",
        mark("MAML on sinusoids"),
        mark("The paper's 70 000 meta-steps: after one gradient step on five points the network fits a new sine wave."),
        "sinusoid",
        {
            "family": SINUSOID,
            "model": SINUSOID_MLP,
            "algorithm": {"name": "maml", "inner_lr": 0.01, "inner_steps": 1},
            "training": {"iterations": 70_000, "meta_batch_size": 25, "meta_lr": 1e-3, "evaluate_every": 5000},
            "evaluation": SINUSOID_TEST,
        },
        featured=True,
    ),
    Preset(
        "sinusoid-pretrain",
        mark("Pretraining on sinusoids"),
        mark("The baseline beside it: one network trained on all sinusoids pooled, then fine-tuned."),
        "sinusoid",
        {
            "family": SINUSOID,
            "model": SINUSOID_MLP,
            "algorithm": {"name": "pretrain", "batch_size": 250},
            "training": {"iterations": 70_000, "meta_lr": 1e-3, "evaluate_every": 10_000},
            "evaluation": SINUSOID_TEST,
        },
        featured=True,
    ),
    Preset(
        "doodles-5w1s",
        mark("MAML on doodles"),
        mark("Characters that nobody drew before, five at a time, one example each. Works offline at once."),
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
        featured=True,
    ),
    Preset(
        "omniglot-5w1s-quick",
        mark("MAML on Omniglot, quick"),
        mark("What MAML learns fastest with on two cores: many meta-batches of few tasks, for a quarter of an hour."),
        "omniglot",
        {
            "family": _omniglot(5, n_query=5),
            "model": STRIDED,
            "algorithm": {"name": "maml", "inner_lr": 0.4, "inner_steps": 1},
            "training": {
                "iterations": 9000,
                "meta_batch_size": 4,
                "meta_lr": 3e-3,
                "evaluate_every": 500,
                "schedule": "cosine",
            },
            "evaluation": {"inner_steps": 3},
        },
        featured=True,
    ),
    Preset(
        "omniglot-5w1s-paper",
        mark("MAML on Omniglot, 5-way 1-shot, as published"),
        mark(
            "Finn et al. 2017: 60 000 iterations of 32 tasks; for a GPU or a long night. BatchNorm's scale and shift adapt too."
        ),
        "omniglot",
        {
            "family": _omniglot(5, n_query=1, split="finn"),
            "model": STRIDED,
            "algorithm": {"name": "maml", "inner_lr": 2.0, "inner_steps": 1},
            "training": {"iterations": 60_000, "meta_batch_size": 32, "meta_lr": 1e-3, "evaluate_every": 1000},
            "evaluation": {"inner_steps": 3},
        },
        featured=True,
    ),
    Preset(
        "omniglot-20w1s-paper",
        mark("MAML on Omniglot, 20-way 1-shot, as published"),
        mark(
            "Finn et al. 2017: 16 tasks of 20 characters, five inner steps; for a GPU. BatchNorm's scale and shift adapt too."
        ),
        "omniglot",
        {
            "family": _omniglot(20, n_query=1, split="finn"),
            "model": STRIDED,
            "algorithm": {"name": "maml", "inner_lr": 2.0, "inner_steps": 5},
            "training": {"iterations": 60_000, "meta_batch_size": 16, "meta_lr": 1e-3, "evaluate_every": 1000},
            "evaluation": {"inner_steps": 5},
        },
        featured=True,
    ),
    Preset(
        "omniglot-5w1s-pretrain",
        mark("Pretraining on Omniglot"),
        mark(
            "The baseline: an ordinary classifier of all training characters, then a new output layer and fine-tuning."
        ),
        "omniglot",
        {
            "family": _omniglot(5, n_query=5),
            "model": STRIDED,
            "algorithm": {"name": "pretrain", "batch_size": 64},
            "training": {"iterations": 6000, "meta_lr": 1e-3, "evaluate_every": 1000, "schedule": "cosine"},
        },
        featured=True,
    ),
    Preset(
        "article-mlp",
        mark("The article's MLP on Omniglot"),
        mark("MAML with a plain 128-64 network on flattened pictures, Adam 1e-3 decaying by 0.9 every 1000 steps."),
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
        featured=True,
    ),
]


@dataclass(frozen=True)
class Template:
    """How a learner is trained on classes with little time. training, family, evaluation: what differs from BASE.

    model: of characters POOLED where max-pooling learned more in a minute on two cores than stride 2, though its steps take
    longer. compares: may train on another number of classes than it is tested on, as ProtoNet's paper does.
    """

    learner: str
    title: str
    algorithm: dict[str, Any]
    training: dict[str, Any] = field(default_factory=dict)
    family: dict[str, Any] = field(default_factory=dict)
    evaluation: dict[str, Any] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=lambda: STRIDED)
    compares: bool = False


# Snell et al. 2017 have five queries a class. With one, tasks of one shot are a third as large, three times as many fit into the
# same minutes, and more is learned in them.
MANY_WAY = {"n_way": 60, "n_query": 1}
COMPARING = {"meta_batch_size": 1}
ALSO_FEATURED = {  # of those that are derived
    *("omniglot-5w1s-protonet", "intents-5w1s-maml", "intents-5w1s-protonet", "intents-5w1s-pretrain")
}
BASE = {"iterations": 10_000, "meta_batch_size": 4, "meta_lr": 3e-3, "schedule": "cosine", "evaluate_every": 500}
TEMPLATES = [
    Template("maml", "MAML", {"name": "maml", "inner_lr": 0.4, "inner_steps": 1}, evaluation={"inner_steps": 3}),
    Template(
        "fomaml",
        mark("First-order MAML"),
        {"name": "maml", "inner_lr": 0.4, "inner_steps": 2, "first_order": True},
        evaluation={"inner_steps": 3},
    ),
    Template("anil", "ANIL", {"name": "anil", "inner_lr": 0.4, "inner_steps": 3}),
    Template("meta-sgd", "Meta-SGD", {"name": "meta-sgd", "inner_lr": 0.4, "inner_steps": 1}),
    Template("maml++", "MAML++", {"name": "maml++", "inner_lr": 0.4, "inner_steps": 2}),
    # Nichol et al. 2018: meta-step 1 falling to 0, five tasks; a training task has ten examples a class. Their inner rate is
    # 1e-3, with which a few minutes do not lead as far.
    Template(
        "reptile",
        "Reptile",
        {"name": "reptile", "inner_lr": 3e-3, "inner_steps": 5, "inner_batch": 10, "test_steps": 50},
        training={"meta_lr": 1.0, "schedule": "linear", "meta_batch_size": 5},
        family={"n_query": 9},
    ),
    Template("protonet", "ProtoNet", {"name": "protonet"}, COMPARING, MANY_WAY, model=POOLED, compares=True),
    Template("matchingnet", "MatchingNet", {"name": "matchingnet"}, COMPARING, MANY_WAY, model=POOLED, compares=True),
    # Sung et al. 2018, released code: the features are maps, of which the relation module makes use.
    Template(
        "relationnet",
        "RelationNet",
        {"name": "relationnet"},
        training={"meta_batch_size": 2, "meta_lr": 2e-3},
        family={"n_query": 2},
        model=POOLED | {"halvings": 2},
    ),
    # Mishra et al. 2018: the sequences of a task differ in their last element, and it takes many tasks to learn to read them.
    Template("snail", "SNAIL", {"name": "snail"}, {"meta_batch_size": 32, "meta_lr": 1e-3}, {"n_query": 1}),
    Template(
        "proto-maml",
        "Proto-MAML",
        {"name": "proto-maml", "inner_lr": 0.01, "inner_steps": 1},
        training=COMPARING,
        family={"n_way": 20, "n_query": 2},  # as above: more tasks, smaller ones
        model=POOLED,
        compares=True,
    ),
    Template("baseline++", "Baseline++", {"name": "baseline++", "batch_size": 64}, training={"meta_lr": 1e-3}),
    Template("pretrain", mark("Pretraining"), {"name": "pretrain", "batch_size": 64}, training={"meta_lr": 1e-3}),
    Template("scratch", mark("From scratch"), {"name": "scratch"}),
    Template("nearest-centroid", mark("Nearest centroid"), {"name": "nearest-centroid"}),
]
# All tuned on validation tasks of unseen domains, 1000 to 1500 iterations at a time. Nearly all that learns are word vectors,
# most of which a batch does not touch: they take a higher rate than other networks. Ninety intents are soon known by heart: at
# 5000 iterations validation was worse. By cosine ProtoNet was ten points better.
WORDS, OF_WORDS = {"name": "bag"}, {"meta_lr": 0.01, "iterations": 2000, "evaluate_every": 200}
TEXT_TEMPLATES = [
    Template("maml", "MAML", {"name": "maml", "inner_lr": 0.4, "inner_steps": 1}, OF_WORDS, model=WORDS),
    Template(
        "protonet",
        "ProtoNet",
        {"name": "protonet", "distance": "cosine"},
        COMPARING | OF_WORDS,
        {"n_way": 30},
        model=WORDS,
        compares=True,
    ),
    Template("pretrain", mark("Pretraining"), {"name": "pretrain", "batch_size": 256}, OF_WORDS, model=WORDS),
    Template("scratch", mark("From scratch"), {"name": "scratch"}, model=WORDS),
]
SINUSOID_TEMPLATES = [
    Template("anil", "ANIL", {"name": "anil", "inner_lr": 0.01, "inner_steps": 5}),
    # Rates learned for one step diverge in ten. MAML++ with the paper's five steps explodes while training, for its rates grow.
    Template(
        "meta-sgd", "Meta-SGD", {"name": "meta-sgd", "inner_lr": 0.01, "inner_steps": 1}, evaluation={"inner_steps": 1}
    ),
    Template("maml++", "MAML++", {"name": "maml++", "inner_lr": 0.01, "inner_steps": 1}, evaluation={"inner_steps": 1}),
    Template(
        "reptile",
        "Reptile",
        {"name": "reptile", "inner_lr": 0.01, "inner_steps": 10},
        training={"meta_lr": 1.0, "schedule": "linear"},
    ),
    Template("cnp", "CNP", {"name": "cnp"}, evaluation={"inner_steps": None}),
    Template("scratch", mark("From scratch"), {"name": "scratch"}, evaluation={"inner_steps": None}),
]
# The released code's reward, inner rate and test (Finn et al. 2017: later steps half as large, 40 trajectories), with half its
# tasks, and with Adam in the place of TRPO but where it is asked for.
NAVIGATION = {"name": "navigation", "later_steps": 0.5}
POLICY = {"name": "mlp", "widths": [100, 100], "constant_outputs": 2}
NAVIGATION_BASE = {
    "iterations": 150,
    "meta_batch_size": 20,
    "meta_lr": 5e-3,
    "schedule": "cosine",
    "evaluate_every": 50,
}
NAVIGATION_TEST = {"k_shot": 40, "n_query": 20, "inner_steps": 3, "episodes": 200, "val_episodes": 40}
NAVIGATION_TEMPLATES = [
    Template("maml", "MAML", {"name": "maml", "inner_lr": 0.5}),
    Template("maml-first-order", mark("First-order MAML"), {"name": "maml", "inner_lr": 0.5, "first_order": True}),
    # As in both, at several times the cost of a step.
    Template(
        "maml-trpo",
        mark("MAML with TRPO"),
        {"name": "maml", "inner_lr": 0.5},
        {"iterations": 60, "evaluate_every": 20, "outer_update": "trpo"},
    ),
    # The paper's text, where it and the code differ.
    Template(
        "maml-paper",
        mark("MAML as in the paper's text"),
        {"name": "maml", "inner_lr": 0.1},
        {"iterations": 500},
        {"reward": "squared distance", "meta_gradient": "plain"},
    ),
    Template("anil", "ANIL", {"name": "anil", "inner_lr": 0.5, "inner_steps": 1}),
    Template("meta-sgd", "Meta-SGD", {"name": "meta-sgd", "inner_lr": 0.5}),
    Template("maml++", "MAML++", {"name": "maml++", "inner_lr": 0.5, "inner_steps": 1}),
    Template(
        "reptile",
        "Reptile",
        {"name": "reptile", "inner_lr": 0.01, "inner_steps": 3},
        {"meta_lr": 1.0, "schedule": "linear"},
    ),
    Template("pretrain", mark("Pretraining"), {"name": "pretrain", "batch_size": 200}, {"iterations": 300}),
    Template("scratch", mark("From scratch"), {"name": "scratch"}),
]
# Small enough for a processor: names of up to 16 signs. Writing freely costs many times what a loss does, so that few tasks are
# scored. First-order, as Gu et al. 2018.
NAMES = {"name": "names", "k_shot": 5, "n_query": 5, "longest": 16}
WRITER = {"name": "seq2seq", "heads": 4, "head_width": 12, "layers": 2}
NAMES_BASE = {
    "iterations": 3000,
    "meta_batch_size": 4,
    "meta_lr": 3e-3,
    "schedule": "cosine",
    "evaluate_every": 1000,
    "early_validations": 0,
}
NAMES_TEST = {"k_shot": 5, "n_query": 5, "episodes": 200, "val_episodes": 40}
NAMES_TEMPLATES = [
    Template(
        "maml",
        "MAML",
        {"name": "maml", "inner_lr": 0.05, "inner_steps": 2, "first_order": True},
        {"iterations": 7500, "evaluate_every": 2500, "meta_lr": 6e-3},
    ),
    Template(
        "anil",
        "ANIL",
        {"name": "anil", "inner_lr": 0.05, "inner_steps": 2, "first_order": True},
        {"iterations": 16_000, "evaluate_every": 4000, "meta_lr": 6e-3},
    ),
    Template(
        "pretrain",
        mark("Pretraining"),
        {"name": "pretrain", "batch_size": 64},
        {"iterations": 12_000, "evaluate_every": 4000, "meta_lr": 6e-3},
    ),
    Template("scratch", mark("From scratch"), {"name": "scratch"}),
]


def on_classes(family: str, title: str, template: Template, n_way: int, k_shot: int) -> Preset:
    """A learner on one kind of tasks of a family that has classes."""
    task = {"name": family, "n_way": n_way, "k_shot": k_shot, "n_query": 5, **template.family}
    training = BASE | template.training
    evaluation = {**template.evaluation, **({"n_way": n_way} if template.compares else {})}
    trained = mark(", trained on {n_way} classes at a time", n_way=task["n_way"]) if task["n_way"] != n_way else ""
    numbers = {"learner": template.title, "n_way": n_way, "k_shot": k_shot, "trained": trained}
    if k_shot == 1:
        summary = mark("{learner} on {n_way} classes with {k_shot} example each{trained}.", **numbers)
    else:
        summary = mark("{learner} on {n_way} classes with {k_shot} examples each{trained}.", **numbers)
    name = f"{family}-{n_way}w{k_shot}s-{template.learner}"
    return Preset(
        name,
        mark(
            "{learner} on {family}, {n_way}-way {k_shot}-shot",
            learner=template.title,
            family=title,
            n_way=n_way,
            k_shot=k_shot,
        ),
        summary,
        family,
        {
            "family": task,
            "model": template.model,
            "algorithm": template.algorithm,
            "training": training,
            "evaluation": evaluation,
        },
        featured=name in ALSO_FEATURED,
    )


def sinusoid(template: Template) -> Preset:
    """A learner on the sinusoids that the MAML preset has."""
    training = {"iterations": 70_000, "meta_batch_size": 25, "meta_lr": 1e-3, "evaluate_every": 5000}
    return Preset(
        f"sinusoid-{template.learner}",
        mark("{learner} on sinusoids", learner=template.title),
        mark("{learner} on the same sine waves and the same five points as MAML.", learner=template.title),
        "sinusoid",
        {
            "family": SINUSOID,
            "model": SINUSOID_MLP,
            "algorithm": template.algorithm,
            "training": training | template.training,
            "evaluation": {**SINUSOID_TEST, **template.evaluation},
        },
    )


def navigation(template: Template) -> Preset:
    """A learner on goals in the plane."""
    return Preset(
        f"navigation-{template.learner}",
        mark("{learner} on navigation", learner=template.title),
        mark(
            "{learner} on goals in the plane, of which a policy is told nothing but what its own trajectories are worth.",
            learner=template.title,
        ),
        "navigation",
        {
            "family": NAVIGATION | template.family,
            "model": POLICY,
            "algorithm": template.algorithm,
            "training": NAVIGATION_BASE | template.training,
            "evaluation": NAVIGATION_TEST,
        },
    )


def names(template: Template) -> Preset:
    """A learner on names of languages that it never saw."""
    return Preset(
        f"names-{template.learner}",
        mark("{learner} on names", learner=template.title),
        mark("{learner} on translating names into a language that is new, from five examples.", learner=template.title),
        "names",
        {
            "family": NAMES | template.family,
            "model": WRITER,
            "algorithm": template.algorithm,
            "training": NAMES_BASE | template.training,
            "evaluation": NAMES_TEST,
        },
    )


def derived() -> list[Preset]:
    """Every learner on every kind of tasks it is compared on, but for those that are featured already."""
    shapes = [(5, 1), (5, 5), (20, 1), (20, 5)]
    found = [sinusoid(template) for template in SINUSOID_TEMPLATES]
    found += [navigation(template) for template in NAVIGATION_TEMPLATES]
    found += [names(template) for template in NAMES_TEMPLATES]
    found += [on_classes("omniglot", "Omniglot", template, *shape) for shape in shapes for template in TEMPLATES]
    found += [on_classes("doodles", mark("doodles"), template, 5, 1) for template in TEMPLATES]
    found += [
        on_classes("intents", mark("intents"), template, 5, shots) for shots in (1, 5) for template in TEXT_TEMPLATES
    ]
    known = {preset.name for preset in FEATURED}
    return [preset for preset in found if preset.name not in known]


PRESETS = FEATURED + derived() + PHOTOGRAPHS


def preset(name: str) -> Preset:
    """The preset of this name. Raises ``KeyError`` where there is none."""
    return {item.name: item for item in PRESETS}[name]
