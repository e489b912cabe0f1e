"""From a RunConfig to a learner that is known to work: built, tried out on made-up tasks, and told how to run them."""

from pathlib import Path

import torch
from torch import nn

from core.algorithms.base import Algorithm, algorithms
from core.algorithms.forward import ForwardMode
from core.config.run import RunConfig
from core.models.base import ModelError, build_model, models
from core.training.device import out_of_memory
from core.training.streams import stream
from data.errors import InnerloopError
from data.family import Episodes, EpisodeShape, OnProgress, Split, TaskFamily
from data.folders import Folders
from data.registry import families

TRIAL_TASKS = 2


def build_learner(config: RunConfig, family: TaskFamily, mode: ForwardMode) -> Algorithm:
    """The run's learner at its random start, on the family's device."""

    # On a processor a batch through Conv4 and back takes about two thirds of the time if the weights are laid out by pixel.
    by_pixel = family.device.type == "cpu" and models()[config.model.name].by_pixel

    def network(outputs: int | None) -> nn.Module:
        model = build_model(config.model, config.family.input_spec, outputs, stream(config.seed, "network"))
        return model.to(memory_format=torch.channels_last) if by_pixel else model

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream(config.seed, "own layers"))
        algorithm = algorithms()[config.algorithm.name](
            config.algorithm, network, family, config.test_shape, config.batch_statistics, mode
        )
    return algorithm.to(family.device)


def choose_forward(config: RunConfig, family: TaskFamily) -> ForwardMode:
    """How this network is run over many tasks: ``stacked`` if vmap takes it, else ``loop``.

    Both are tried on made-up tasks: training step, adaptation, prediction. Raises ModelError when neither works.
    """
    reason: Exception | None = None
    for mode in ("stacked", "loop"):
        try:
            try_out(build_learner(config, family, mode), config, family)
            return mode
        except InnerloopError:
            raise
        except Exception as error:  # whatever vmap, autograd or the person's own network raises
            if out_of_memory(error):
                raise
            reason = error
    raise ModelError(
        f"{config.model.name} cannot learn these tasks: {_first_line(reason)}",
        "The network has to map (batch, *shape of an input) to (batch, outputs) and be differentiable twice "
        "(once with first_order); the traceback is in the log.",
        "model",
    ) from reason


def try_out(algorithm: Algorithm, config: RunConfig, family: TaskFamily) -> None:
    """One adaptation and prediction on noise, forwards and backwards as training does. Leaves no gradient behind."""
    trained = made_up(family, config.family.shape if algorithm.fixed_way else config.test_shape)
    steps = int(algorithm.takes_steps)
    if candidates := algorithm.candidates():  # the first asks most of the network
        algorithm.chosen = candidates[0]
    with algorithm.forward_tasks.twice_differentiable():
        state = algorithm.adapt(trained.support_x, trained.support_y, steps, differentiable=algorithm.episodic)
        prediction = algorithm.predict(state, trained.query_x)
        expected = (*trained.query_y.shape[:2], family.outputs(config.test_shape))
        if tuple(prediction.shape) != expected:
            raise ModelError(
                f"The network gives {tuple(prediction.shape)[2:]} values for an input and the tasks need ({expected[-1]},).",
                "Let its last layer have `outputs` units and keep the batch axis.",
                "model",
            )
        loss = family.loss(prediction, trained.query_y).mean()
        if loss.requires_grad:  # a learner without anything to learn has no gradient
            loss.backward()
    algorithm.zero_grad()


def made_up(family: TaskFamily, shape: EpisodeShape) -> Episodes:
    """Noise in the shape of the family's tasks, for a trial that needs no data.

    No more than an example or two of a class: tasks of few examples are those that vmap has to take.
    """
    generator = torch.Generator().manual_seed(0)

    def part(per_class: int) -> tuple[torch.Tensor, torch.Tensor]:
        n = shape.n_way * per_class
        x = family.input_spec.noise(TRIAL_TASKS, n, generator=generator)
        if family.kind == "regression":
            return x, torch.rand(TRIAL_TASKS, n, 1, generator=generator)
        return x, torch.arange(shape.n_way).repeat_interleave(per_class).expand(TRIAL_TASKS, n)

    few = 2 if shape.n_way == 1 else 1
    return Episodes(*part(min(shape.k_shot, few)), *part(min(shape.n_query, few))).to(family.device)


class _Blank(TaskFamily):
    """A family's shapes, loss and score without its data."""

    def __init__(self, config: RunConfig, folders: Folders | None):
        super().__init__(config.family, datasets=Path(), cache=Path())
        family = families()[config.family.name]
        self.kind, self.found = family.kind, family.sizes(config.family, folders)

    def sample(self, *_):
        raise RuntimeError("A blank family has no data.")

    sample_flat = sample

    def classes(self, split: Split) -> int | None:
        """As many as a task has where they would have to be counted and nobody said where."""
        return super().classes(split) or (self.config.shape.n_way if self.kind == "classification" else None)


def check(config: RunConfig, folders: Folders | None = None) -> ForwardMode:
    """Whether the run's learner and network fit its tasks, found out in a moment on the CPU, without the data.

    Raises ModelError with reason and remedy.
    """
    return choose_forward(config, _Blank(config, folders))


def parameter_count(config: RunConfig, folders: Folders | None = None) -> int:
    """How many numbers there are to learn: the network's weights, and what a learner puts around it."""
    blank = _Blank(config, folders)
    return sum(p.numel() for p in build_learner(config, blank, "stacked").parameters() if p.requires_grad)


def threads(config: RunConfig, folders: Folders | None = None) -> int:
    """How many processor threads the run is given.

    A small fully connected network is slower on several: its matrices are too small to share, and a thread that waits
    for another takes the core away from whoever else could use it (5 ms a meta-step with one, 50 ms with two beside a busy
    browser, on two cores).
    """
    shapes = [p.shape for p in build_learner(config, _Blank(config, folders), "stacked").parameters()]
    small = all(len(shape) <= 2 for shape in shapes) and sum(shape.numel() for shape in shapes) < 500_000
    return 1 if small else torch.get_num_threads()


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


def _first_line(error: Exception | None) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
