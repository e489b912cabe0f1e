"""From a RunConfig to a learner that is known to work: built, tried out on made-up tasks, and told how to run them."""

from functools import partial
from pathlib import Path
from typing import NamedTuple

import psutil
import torch
from torch import Tensor, nn

from core.algorithms.base import Algorithm, algorithms
from core.algorithms.forward import ForwardMode
from core.config.run import RunConfig, TrainingConfig
from core.models.base import ModelError, build_model, models
from core.models.chance import aside
from core.training.memory import out_of_memory
from core.training.streams import stream
from data.batch import Answer
from data.encoder import Encoder
from data.errors import InnerloopError
from data.extractor import Extractor
from data.family import OnProgress, TaskFamily
from data.places import Folders
from data.registry import families

TRIAL_TASKS = 2
BYTES_A_WEIGHT = 16  # in float32: itself, its gradient and the two moments of Adam


def build_learner(config: RunConfig, family: TaskFamily, mode: ForwardMode) -> Algorithm:
    """The run's learner at its random start, on the family's device."""

    # On a processor a batch through Conv4 and back takes about two thirds of the time if the weights are laid out by pixel.
    by_pixel = family.device.type == "cpu" and models()[config.model.name].by_pixel

    def network(outputs: int | None) -> nn.Module:
        model = build_model(config.model, config.family.input_spec, outputs, stream(config.seed, "network"))
        return model.to(memory_format=torch.channels_last) if by_pixel else model

    with aside(seed=stream(config.seed, "own layers")):
        algorithm = algorithms()[config.algorithm.name](
            config.algorithm, network, family, config.test_shape, config.batch_statistics, mode
        )
    algorithm.network_repeats = models()[config.model.name].repeats
    return algorithm.to(family.device)


def tried_out(config: RunConfig, family: TaskFamily) -> Algorithm:
    """The run's learner at its random start, which is known to work: ``stacked`` if vmap takes its network, else ``loop``.

    Both are tried on made-up tasks: training step, adaptation, prediction. Raises ModelError when neither works.
    """
    reason: Exception | None = None
    for mode in ("stacked", "loop"):
        try:
            learner = build_learner(config, family, mode)
            try_out(learner, config, family)
            return learner
        except InnerloopError:
            raise
        except Exception as error:  # whatever vmap, autograd or the person's own network raises
            if out_of_memory(error):
                raise
            reason = error
    raise ModelError(
        f"{config.model.name} cannot learn these tasks: {first_line(reason)}",
        "The network has to map (batch, *shape of an input) to (batch, outputs) and be differentiable twice "
        "(once with first_order); the traceback is in the log.",
        "model",
    ) from reason


def try_out(algorithm: Algorithm, config: RunConfig, family: TaskFamily) -> None:
    """One adaptation and prediction on noise, forwards and backwards as training does. Leaves the learner as it was."""
    choice, buffers = algorithm.choice, {name: buffer.clone() for name, buffer in algorithm.named_buffers()}
    shape = config.family.shape if algorithm.fixed_way else config.test_shape
    batch = family.made_up(shape, TRIAL_TASKS, torch.Generator().manual_seed(0))
    steps = int(algorithm.takes_steps)
    if candidates := algorithm.candidates():  # the first asks most of the network
        algorithm.chosen = candidates[0]
    with algorithm.forward_tasks.twice_differentiable():
        state = algorithm.adapt(batch, steps, differentiable=algorithm.episodic)
        loss = batch.query_loss(Expecting(partial(algorithm.predict, state), family.outputs(config.test_shape))).mean()
        if loss.requires_grad:  # a learner without anything to learn has no gradient
            loss.backward()
    algorithm.zero_grad()
    for name, buffer in algorithm.named_buffers():
        buffer.copy_(buffers[name])
    if choice is not None:
        algorithm.choose(choice)


class Expecting:
    """A network's answers to the queries, which have to be of the shape that the tasks need."""

    def __init__(self, answer: Answer, outputs: int):
        self.answer, self.outputs = answer, outputs

    def __call__(self, x: Tensor) -> Tensor:
        """Raises ModelError where an answer is not (tasks, n, …, outputs)."""
        given = self.answer(x)
        if given.ndim < 3 or given.shape[:2] != x.shape[:2] or given.shape[-1] != self.outputs:
            raise ModelError(
                f"The network gives {tuple(given.shape)[2:]} values for an input and the tasks need ({self.outputs},).",
                "Let its last layer have `outputs` units and keep the batch axis.",
                "model",
            )
        return given


def without_data(config: RunConfig, folders: Folders | None = None, device: torch.device | str = "cpu") -> TaskFamily:
    """The run's task family, of which nothing is asked but what its config and the sizes of its classes tell."""
    kind, places = families()[config.family.name], folders or Folders(Path(), Path())
    family = kind(config.family, datasets=places.datasets, cache=places.cache, device=device)
    family.found = kind.sizes(config.family, folders)
    return family


class Trial(NamedTuple):
    """forward: how the run's network goes over many tasks. cores: see ``cores``. together: see ``may_be_taken_together``."""

    forward: ForwardMode
    cores: int | None
    together: bool


def check(config: RunConfig, folders: Folders | None = None) -> Trial:
    """Whether the run's learner and networks fit its tasks, found out in a moment on the CPU, without the data.

    Raises ModelError with reason and remedy.
    """
    if config.model.name != "module":
        parameter_count(config, folders)  # before memory is asked for
    if folders and config.family.frozen_network:
        frozen = Extractor if config.family.frozen == "extractor" else Encoder
        frozen(config.family, folders.datasets).try_out()
    learner = tried_out(config, without_data(config, folders))
    together = may_be_taken_together(config, learner)
    return Trial(learner.forward_tasks.mode, cores(learner, config.training), together)


def parameter_count(config: RunConfig, folders: Folders | None = None) -> int:
    """How many numbers there are to learn: the network's weights, and what a learner puts around it.

    Counted on torch's meta device, where tensors have shapes and no memory. Not for a person's own network, whose code would
    have to run. Raises ModelError for a network that this machine has no memory for, and for none at all to train.
    """
    learner = _weightless(config, folders)
    weights = sum(p.numel() for p in learner.parameters() if p.requires_grad)
    if learner.meta_trained and not weights:
        text = f"Without any layer {learner.title} has nothing to learn."
        raise ModelError(
            text, "Give the network one, or choose nearest-centroid, which compares inputs as they are.", "model"
        )
    needed, there = BYTES_A_WEIGHT * weights, psutil.virtual_memory().total
    if needed > there:
        sizes = f"{needed / 2**30:.0f} GiB to train, and this machine has {there / 2**30:.0f}"
        raise ModelError(
            f"A network of {weights:,} weights takes {sizes}.", "Make it narrower, or give it fewer layers.", "model"
        )
    return weights


def learned_shapes(config: RunConfig, folders: Folders | None = None) -> tuple[dict[str, torch.Size], int]:
    """Of all that a checkpoint of the run holds, by name, and how many of them the outer loop trains.

    Not for a person's own network, whose code would have to run.
    """
    learner = _weightless(config, folders)
    shapes = {name: value.shape for name, value in learner.learned().items()}
    return shapes, sum(p.requires_grad for p in learner.parameters())


def _weightless(config: RunConfig, folders: Folders | None) -> Algorithm:
    with torch.device("meta"):
        return build_learner(config, without_data(config, folders, "meta"), "stacked")


def threads(learner: Algorithm, processes: int = 1) -> int:
    """How many processor threads each of the processes of its run is given.

    A small fully connected network is slower on several: its matrices are too small to share, and a thread that waits
    for another takes the core away from whoever else could use it (5 ms a meta-step with one, 50 ms with two beside a busy
    browser, on two cores).
    """
    return 1 if small(learner) else max(1, torch.get_num_threads() // processes)


def cores(learner: Algorithm, training: TrainingConfig) -> int | None:
    """How many of a processor's cores the run computes with; None for all there are.

    One with a time budget is given them all: how far it comes must not depend on who trains beside it.
    """
    return training.processes if small(learner) and training.minutes is None else None


def cores_before(config: RunConfig, folders: Folders | None = None) -> int | None:
    """The same before a trial, by shapes alone. None for a person's own network, whose code would have to run."""
    return None if config.model.name == "module" else cores(_weightless(config, folders), config.training)


def small(learner: Algorithm) -> bool:
    """Whether all there is to learn are a few matrices: calling an operation then takes longer than doing it."""
    shapes = [p.shape for p in learner.parameters()]
    return all(len(shape) <= 2 for shape in shapes) and sum(shape.numel() for shape in shapes) < 500_000


def repeats(algorithm: Algorithm) -> bool:
    """Whether the meta-step takes the same operations each time, and leaves nothing behind but gradients."""
    same = algorithm.repeats and algorithm.family.repeats and algorithm.network_repeats
    kept = algorithm.state_dict().keys() - dict(algorithm.named_parameters(remove_duplicate=False)).keys()
    return same and not kept and algorithm.forward_tasks.mode == "stacked"


def may_be_taken_together(config: RunConfig, algorithm: Algorithm) -> bool:
    """Whether runs of this config but for the seed can take their meta-steps as one, see ``core.training.together``.

    Not with a time budget: how far a run comes must not depend on who trains beside it. Nor with a larger network, several of
    which may not fit a GPU's memory together.
    """
    training = config.training
    whole = training.tasks_at_once is None and training.processes == 1 and config.device != "cuda:all"
    endless = training.minutes is None and training.outer_update != "trpo"
    return whole and endless and algorithm.meta_trained and small(algorithm) and repeats(algorithm)


def open_family(
    config: RunConfig,
    datasets: Path,
    cache: Path,
    device: torch.device | str = "cpu",
    progress: OnProgress | None = None,
) -> TaskFamily:
    """The run's task family with its data loaded onto the device. Raises DataError when files are missing."""
    return families()[config.family.name](
        config.family, datasets=datasets, cache=cache, device=device, progress=progress
    )


def first_line(error: Exception | None) -> str:
    """Of what kind it is, and what it says first, for a sentence."""
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
