"""The presets: the recipes that their names promise."""

import pytest

from core.algorithms.base import algorithms
from core.config.facts import preset_of
from core.config.overrides import apply
from core.config.presets import PRESETS, preset
from core.config.references import REFERENCES
from core.config.run import RunConfig
from core.launch import from_preset, prepared
from data.registry import families

NAMES = [
    "sinusoid-maml",
    "sinusoid-pretrain",
    "doodles-5w1s",
    "omniglot-5w1s-paper",
    "omniglot-20w1s-paper",
    "omniglot-5w1s-quick",
    "omniglot-5w1s-pretrain",
    "article-mlp",
    "omniglot-5w1s-protonet",
    "intents-5w1s-maml",
    "intents-5w1s-protonet",
    "intents-5w1s-pretrain",
]


def test_the_promised_ones_are_there_once() -> None:
    names = [item.name for item in PRESETS]
    assert set(NAMES) == {item.name for item in PRESETS if item.featured}
    assert len(set(names)) == len(names)
    assert all(item.title and item.summary.endswith(".") and item.group in families() for item in PRESETS)


def test_every_learner_has_a_preset_on_every_kind_of_tasks_it_is_compared_on() -> None:
    tasks: dict[str, set[str]] = {}
    for item in PRESETS:
        shape = item.name.partition("-")[2].partition("-")[0] if item.group == "omniglot" else ""
        tasks.setdefault(item.config["algorithm"]["name"], set()).add(f"{item.group} {shape}".strip())
    for name, learner in algorithms().items():
        wanted = {"sinusoid"} if learner.kinds == ("regression",) else {"doodles"}
        if name in ("maml", "protonet", "pretrain"):
            wanted |= {"intents"}
        if "classification" in learner.kinds:
            wanted |= {f"omniglot {shape}" for shape in ("5w1s", "5w5s", "20w1s", "20w5s")}
        assert wanted <= tasks[name], name


@pytest.mark.parametrize("name", [item.name for item in PRESETS])
def test_a_learner_and_network_fit_the_tasks(name: str) -> None:
    """The same trial as before a launch; the pictures of real data sets are not needed for it."""
    small = ["training.iterations=1"] + (["model.filters=4"] if "filters" in preset(name).config["model"] else [])
    (launch,) = prepared(apply(from_preset(preset(name)), small), name)
    assert launch.config["training"]["iterations"] == 1


@pytest.mark.parametrize("name", ["sinusoid-maml", "omniglot-5w1s-quick", "doodles-5w1s-protonet"])
def test_a_config_is_known_as_its_preset_whatever_its_seed_and_device(name: str) -> None:
    def known(*assignments: str) -> str:
        return preset_of(RunConfig.model_validate(from_preset(preset(name), assignments)))

    assert known() == known("seed=7", "device=cpu") == name
    assert known("training.iterations=77") == ""
    assert known("training.final_lr=0.001") == "", "which the preset leaves open"


def test_references_are_of_presets_that_are_featured() -> None:
    assert REFERENCES.keys() <= {item.name for item in PRESETS if item.featured}
    for name, reference in REFERENCES.items():
        config = RunConfig.model_validate(preset(name).config)
        assert reference.tasks == config.evaluation.episodes
        assert reference.metric == families()[config.family.name].metric(config.test_shape)


def test_the_papers_sinusoid_recipe() -> None:
    """Finn et al. 2017, section 5.1, but for the five points and the network's start (see the presets' comment)."""
    config = from_preset(preset("sinusoid-maml"))
    assert config["model"] == {"name": "mlp", "widths": [40, 40], "initial_std": None, "constant_outputs": 0}
    assert (
        config["algorithm"].items()
        >= {"name": "maml", "inner_lr": 0.01, "inner_steps": 1, "first_order": False}.items()
    )
    training = config["training"]
    assert (training["iterations"], training["meta_batch_size"], training["meta_lr"]) == (70_000, 25, 1e-3)
    assert (config["family"]["k_shot"], config["evaluation"]["k_shot"], config["evaluation"]["inner_steps"]) == (
        5,
        5,
        10,
    )


@pytest.mark.parametrize(("way", "tasks", "steps", "test_steps"), [(5, 32, 1, 3), (20, 16, 5, 5)])
def test_the_papers_omniglot_recipes(way: int, tasks: int, steps: int, test_steps: int) -> None:
    """α is 0.4 / 0.1 on a loss summed over the classes: 2.0 on the mean loss."""
    config = from_preset(preset(f"omniglot-{way}w1s-paper"))
    assert (config["family"]["n_way"], config["family"]["k_shot"], config["family"]["split"]) == (way, 1, "finn")
    assert (config["algorithm"]["inner_lr"], config["algorithm"]["inner_steps"]) == (2.0, steps)
    assert config["training"]["meta_batch_size"] == tasks
    assert config["evaluation"]["inner_steps"] == test_steps


@pytest.mark.parametrize(("shots", "tasks", "way"), [(1, 4, 30), (5, 2, 20)])
def test_the_papers_recipes_on_mini_imagenet(shots: int, tasks: int, way: int) -> None:
    """Finn et al.: α is 0.01 on a loss summed over five classes, 0.05 on the mean loss. Snell et al.: halved every 2000."""
    maml = from_preset(preset(f"mini_imagenet-5w{shots}s-maml"))
    assert (maml["algorithm"]["inner_lr"], maml["algorithm"]["inner_steps"]) == (0.05, 5)
    assert maml["evaluation"]["inner_steps"] == 10
    training = maml["training"]
    assert (training["iterations"], training["meta_batch_size"], training["gradient_clip"]) == (60_000, tasks, 10)
    assert (maml["model"]["filters"], maml["family"]["n_query"], maml["evaluation"]["n_query"]) == (32, 15, 15)
    protonet = from_preset(preset(f"mini_imagenet-5w{shots}s-protonet"))
    assert (protonet["family"]["n_way"], protonet["evaluation"]["n_way"]) == (way, 5)
    assert (protonet["training"]["decay_rate"], protonet["training"]["decay_every"]) == (0.5, 2000)


def test_the_articles_decay() -> None:
    training = from_preset(preset("article-mlp"))["training"]
    assert (training["schedule"], training["decay_rate"], training["decay_every"]) == ("exponential", 0.9, 1000)
    assert training["staircase"]


def test_consecutive_seeds_differ_in_nothing_else() -> None:
    configs = [one.config for one in prepared(from_preset(preset("sinusoid-maml"), ["seed=5"]), "many", 3)]
    assert [config["seed"] for config in configs] == [5, 6, 7]
    assert all({**config, "seed": 5} == configs[0] for config in configs)
