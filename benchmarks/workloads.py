"""What the engine is compared on: configs of meta-steps, of scoring and of sampling, on tasks that need no files."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image

from benchmarks.noise import Noise, NoiseConfig
from core.algorithms.base import Algorithm
from core.config.checks import parse
from core.config.run import RunConfig
from core.training.build import build_learner
from data import picture_set
from data.batch import Episodes
from data.family import TaskFamily
from data.import_pictures import Wanted, import_pictures
from data.places import Folders
from data.registry import families

Kind = Literal["meta-step", "scoring", "sampling"]


@dataclass(frozen=True)
class Workload:
    """One thing to measure, by the name that the command line and the kept ratios know it by.

    tasks: of a meta-batch, or how many are scored. repeats: how often a round does it. config: a run's, without its family
    where ``family`` is noise of this shape.
    """

    name: str
    title: str
    config: dict[str, Any]
    tasks: int
    repeats: int = 1
    kind: Kind = "meta-step"
    family: dict[str, Any] | None = None

    @property
    def unit(self) -> str:
        return {"meta-step": "a meta-step", "scoring": "all tasks", "sampling": "a meta-batch"}[self.kind]


@dataclass
class Opened:
    """A workload with its data and Innerloop's learner at its random start; none where only tasks are drawn."""

    workload: Workload
    config: RunConfig
    family: TaskFamily
    learner: Algorithm | None
    dtype: torch.dtype = torch.float32
    generator: torch.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.generator = torch.Generator(self.family.device).manual_seed(0)


SINUSOID = {"family": {"name": "sinusoid", "k_shot": 10, "n_query": 10}, "model": {"name": "mlp", "widths": [40, 40]}}
STRIDED = {"name": "conv4", "filters": 64, "downsampling": "stride"}
POOLED = STRIDED | {"downsampling": "max-pool"}
GREY, COLOUR = (1, 28, 28), (3, 84, 84)
OWN = {"set": "benchmark", "side": 28, "colour": False, "n_query": 1}


def maml(inner_steps: int, *, first_order: bool = False) -> dict[str, Any]:
    return {"name": "maml", "inner_lr": 0.01, "inner_steps": inner_steps, "first_order": first_order}


def pictures(
    name: str,
    title: str,
    model: dict[str, Any],
    algorithm: dict[str, Any],
    n_way: int,
    n_query: int,
    tasks: int,
    *,
    k_shot: int = 1,
    input_shape: tuple[int, int, int] = GREY,
    kind: Kind = "meta-step",
    test_steps: int | None = None,
) -> Workload:
    """A workload on tasks of noise."""
    config = {"model": model, "algorithm": algorithm, "evaluation": {"inner_steps": test_steps, "n_query": n_query}}
    family = {"n_way": n_way, "k_shot": k_shot, "n_query": n_query, "input_shape": input_shape}
    return Workload(name, title, config, tasks, kind=kind, family=family)


def meta_steps() -> list[Workload]:
    sinusoids = [
        Workload(
            f"sinusoid-{steps}",
            f"sinusoid, MLP 40-40, {steps} step{'s' * (steps > 1)}, second order",
            SINUSOID | {"algorithm": maml(steps)},
            tasks=25,
            repeats=repeats,
        )
        for steps, repeats in ((1, 20), (5, 6))
    ]
    five = [
        pictures(
            f"conv4-{short}{'-first-order' * first_order}",
            f"28×28, Conv4-64 {short}, 5-way 1-shot, 15 queries, 5 steps, {'first' if first_order else 'second'} order",
            model,
            maml(5, first_order=first_order),
            n_way=5,
            n_query=15,
            tasks=8,
        )
        for first_order in (False, True)
        for short, model in (("stride", STRIDED), ("max-pool", POOLED))
    ]
    anil = {"name": "anil", "inner_lr": 0.01, "inner_steps": 5}
    small, large = POOLED | {"filters": 32}, {"name": "resnet12"}
    return [
        *sinusoids,
        *five,
        pictures(
            "conv4-20-way", "28×28, Conv4-64 stride, 20-way 1-shot, 1 query, 5 steps", STRIDED, maml(5), 20, 1, tasks=8
        ),
        pictures("anil", "28×28, Conv4-64 max-pool, ANIL, 5-way 1-shot, 15 queries, 5 steps", POOLED, anil, 5, 15, 8),
        pictures(
            "protonet",
            "28×28, Conv4-64 max-pool, ProtoNet, 60-way 1-shot, 5 queries",
            POOLED,
            {"name": "protonet"},
            n_way=60,
            n_query=5,
            tasks=1,
        ),
        pictures(
            "conv4-84",
            "84×84×3, Conv4-32 max-pool, 5-way 1-shot, 15 queries, 5 steps",
            small,
            maml(5),
            n_way=5,
            n_query=15,
            tasks=2,
            input_shape=COLOUR,
        ),
        pictures(
            "resnet12-84",
            "84×84×3, ResNet-12, 2-way 1-shot, 1 query, 1 step, first order",
            large,
            maml(1, first_order=True),
            n_way=2,
            n_query=1,
            tasks=2,
            input_shape=COLOUR,
        ),
    ]


def scorings() -> list[Workload]:
    tested = {"k_shot": 10, "n_query": 10, "inner_steps": 10}
    return [
        Workload(
            "score-sinusoid",
            "600 test tasks, sinusoid, MLP 40-40, 10 steps",
            SINUSOID | {"algorithm": maml(1), "evaluation": tested},
            tasks=600,
            kind="scoring",
        ),
        pictures(
            "score-conv4",
            "600 test tasks, 28×28, Conv4-64 stride, 5-way 1-shot, 15 queries, 3 steps",
            STRIDED,
            maml(1),
            n_way=5,
            n_query=15,
            tasks=600,
            kind="scoring",
            test_steps=3,
        ),
    ]


def samplings(folders: Folders) -> list[Workload]:
    """A meta-batch of each family that can be used here, and of noise in the size of mini-ImageNet."""
    found = []
    for name, family in sorted(families().items()):
        # Noise stands for families of pictures whose files are not here, and for 84×84×3.
        if family.missing(folders.datasets) or family.kind not in ("regression", "classification"):
            continue
        if family.group == "your own":  # of which nobody has named a file
            continue
        own = OWN if family.chooser else {}
        network = "bag" if family.Config().input_spec.dtype == "integer" else "mlp"
        config = {"family": {"name": name, **own}, "model": {"name": network}, "algorithm": maml(1)}
        found.append(
            Workload(
                f"sample-{name}",
                f"drawing tasks, {family.title}, {family.task(family.Config().shape)}",
                config,
                32 if own else 16,
                20,
                "sampling",
            )
        )
    colour = {"n_way": 5, "k_shot": 1, "n_query": 15, "input_shape": COLOUR}
    config = {"model": {"name": "mlp"}, "algorithm": maml(1)}
    return [
        *found,
        Workload("sample-84", "drawing tasks, 84×84×3, 5-way 1-shot", config, 4, 5, "sampling", family=colour),
    ]


def workloads(folders: Folders) -> dict[str, Workload]:
    """Everything that is measured, by name."""
    return {one.name: one for one in (*meta_steps(), *scorings(), *samplings(folders))}


def config_of(workload: Workload) -> RunConfig:
    """The workload's run. Noise is not in the union of families, so its config takes the place of one that is."""
    if workload.family is None:
        return parse({**workload.config, "device": "auto"})
    shape = {key: value for key, value in workload.family.items() if key != "input_shape"}
    checked = parse({**workload.config, "family": {"name": "doodles", **shape}, "device": "auto"})
    return RunConfig.model_construct(**dict(checked) | {"family": NoiseConfig(**workload.family)})


def opened(workload: Workload, device: torch.device, folders: Folders, dtype: torch.dtype = torch.float32) -> Opened:
    """The workload ready to be measured. dtype: of weights and meta-batches; float64 to compare what sides compute."""
    config = config_of(workload)
    if workload.family is None and families()[config.family.name].chooser:
        folders = with_own_pictures(folders)
    kind = Noise if workload.family is not None else families()[config.family.name]
    family = kind(config.family, datasets=folders.datasets, cache=folders.cache, device=device)
    learner = None if workload.kind == "sampling" else build_learner(config, family, "stacked").to(dtype)
    if dtype != torch.float32:
        plain = family.sample
        family.sample = lambda *asked: in_dtype(plain(*asked), dtype)
    return Opened(workload, config, family, learner, dtype)


def with_own_pictures(folders: Folders) -> Folders:
    """Where there is a set of made-up pictures as a person may have imported it, of unequal classes; made once."""
    found = Folders(folders.cache / "benchmark", folders.cache)
    if OWN["set"] not in picture_set.names(found):
        with tempfile.TemporaryDirectory() as root:
            for label in range(81):
                folder = Path(root) / f"class{label:02}"
                folder.mkdir()
                for number in range(20 + label % 40):
                    noise = np.random.default_rng(100 * label + number).integers(0, 256, (28, 28), np.uint8)
                    Image.fromarray(noise).save(folder / f"{number}.png")
            import_pictures(OWN["set"], Path(root), found, Wanted(OWN["side"]), processes=1)
    return found


def in_dtype(episodes: Episodes, dtype: torch.dtype) -> Episodes:
    """The same tasks; class indices stay what they are."""
    tensors = (part.to(dtype) if part.is_floating_point() else part for part in episodes.tensors)
    return Episodes(*tensors, episodes.objective)
