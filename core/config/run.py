"""RunConfig: all that determines a run."""

from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

from pydantic import Field

from core.algorithms.base import BatchStatistics, algorithms
from core.models.base import models
from data.config import Config, setting
from data.family import EpisodeShape
from data.registry import families

LARGEST_SEED = 2**31 - 1
Precision = Literal["float32", "tf32"]


class TrainingConfig(Config):
    """The outer loop: how the learner's own parameters are trained."""

    iterations: int = setting(10_000, "Iterations", ge=1, le=10_000_000, step=1000)
    """Meta-steps, or ordinary batches for a pretrained baseline."""
    meta_batch_size: int = setting(16, "Tasks per meta-batch", unit="tasks", ge=1, le=1024)
    """Tasks whose query losses are averaged in one meta-step."""
    meta_lr: float = setting(1e-3, "Meta learning rate", gt=0, le=1, step=0.001, telling=3)
    """Adam's learning rate in the outer loop; Reptile's step towards the adapted weights, 1 in its paper."""
    outer_update: Literal["gradient", "trpo"] = setting("gradient", "Outer update", advanced=True)
    """Of control. gradient: by the learner's own optimizer, Adam for most. trpo: as far along the natural gradient as a trust
    region allows, as Finn et al. did; meta learning rate and schedule then play no part, and a step takes several times as long.
    """
    trust_region: float = setting(0.01, "Trust region", unit="nats", gt=0, le=1, step=0.01, advanced=True)
    """How far the adapted policies may diverge on average (Kullback-Leibler) in one step of trpo."""
    minutes: float | None = setting(
        None, "Time budget", unit="minutes", gt=0, le=100_000, step=1.0, advanced=True, empty="none"
    )
    """Training ends after so many minutes even if iterations are left; cosine and linear schedules then follow the
    clock. Such a run's numbers depend on the machine's speed, so it never shares the processor with another.
    """
    schedule: Literal["constant", "cosine", "linear", "exponential"] = setting("constant", "Schedule")
    """How the meta learning rate changes over the iterations."""
    decay_rate: float = setting(0.9, "Decay rate", gt=0, le=1, step=0.05, advanced=True)
    """Exponential schedule: factor every ‘decay every’ iterations."""
    decay_every: int = setting(1000, "Decay every", unit="iterations", ge=1, step=100, advanced=True)
    """Exponential schedule: iterations between two factors."""
    staircase: bool = setting(True, "Staircase", advanced=True)
    """Exponential schedule: decay in steps rather than smoothly."""
    final_lr: float = setting(0.0, "Final rate", ge=0, le=1, step=0.0001, advanced=True)
    """Cosine and linear schedules: the rate at the last iteration."""
    gradient_clip: float | None = setting(None, "Gradient clip", gt=0, step=1.0, advanced=True, empty="no clipping")
    """Each element of the meta-gradient is kept within ± this (10 on mini-ImageNet in Finn et al.); empty: no clipping.
    """
    tasks_at_once: int | None = setting(None, "Tasks at once", unit="tasks", ge=1, le=1024, advanced=True, empty="all")
    """Computes a meta-batch in parts of at most so many tasks and sums their gradients: less memory for the same numbers."""
    processes: int = setting(1, "Processes", unit="processes", ge=1, le=64, advanced=True)
    """Divides the tasks of each meta-batch among so many processes, which share the processor's cores; on GPUs, device
    cuda:all takes one for each. The same numbers up to rounding.
    """
    evaluate_every: int = setting(500, "Validate every", unit="iterations", ge=1, step=100)
    """Iterations between two validations; each also writes a checkpoint. The untrained start is validated too."""
    keep_best: int = setting(1, "Keep the best", unit="checkpoints", ge=1, le=10, advanced=True)
    """So many checkpoints that did best on validation tasks are kept. The best of them is tested; the others can be tested,
    continued from and taken away later. Each needs its room on the disk.
    """
    early_validations: int = setting(4, "Early validations", ge=0, le=16, advanced=True)
    """Further ones before the first of these: after a half, a quarter, an eighth … of that many iterations."""


class EvaluationConfig(Config):
    """How a learner is tested. Two scores compare only when all of this is equal."""

    n_way: int | None = setting(None, "Classes per task (n_way)", ge=2, le=200, empty="as in training")
    """Classes of a test task."""
    k_shot: int | None = setting(None, "Shots (k_shot)", ge=1, le=100, empty="as in training")
    """Labelled examples of a test task; of each of its classes, where it has classes."""
    n_query: int = setting(15, "Queries (n_query)", ge=1, le=500)
    """Examples that a test task asks about; of each of its classes, where it has classes."""
    inner_steps: int | None = setting(
        None, "Inner steps at test", unit="steps", ge=0, le=200, empty="as the learner does"
    )
    """Adaptation steps before the score is taken."""
    episodes: int = setting(600, "Test episodes", unit="tasks", ge=2, le=100_000, step=100)
    """Frozen test tasks behind the final score."""
    val_episodes: int = setting(100, "Validation episodes", unit="tasks", ge=2, le=100_000, step=50)
    """Frozen validation tasks behind each point of the validation curve."""
    seed: int = setting(0, "Episode seed", ge=0, le=LARGEST_SEED, advanced=True)
    """Draws the frozen tasks: the same seed gives every run the same tasks."""


def _union(registry: dict[str, type]) -> Any:
    members = reduce(or_, (item.Config for item in registry.values()))
    return Annotated[members, Field(discriminator="name")] if len(registry) > 1 else members


class RunConfig(Config):
    """One training, whole: equal configs on the same device and versions give equal numbers."""

    family: _union(families())
    model: _union(models())
    algorithm: _union(algorithms())
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    batch_statistics: BatchStatistics = setting("transductive", "Batch statistics")
    """What BatchNorm normalises a query by: transductive, together with the task's other queries, as the papers did (in
    learners that compare, with its support set too); support, by the support set, so that each query is answered alone.
    """
    seed: int = setting(0, "Seed", ge=0, le=LARGEST_SEED)
    """Determines the network's start and the order of training tasks."""
    device: str = setting("auto", "Device")
    """auto, cpu, mps, cuda or cuda:0, cuda:1 …; auto takes a GPU if there is one. cuda:all divides the run among all GPUs."""

    precision: Precision = setting("float32", "Matrix precision", advanced=True)
    """What NVIDIA's GPUs multiply in: tf32 rounds both factors to 10 bits, is faster, and changes the meta-gradient. Processors
    always take float32.
    """

    @property
    def test_shape(self) -> EpisodeShape:
        """The shape of a test task: the evaluation's own numbers, the training task's where it leaves them open."""
        trained, tested = self.family.shape, self.evaluation
        return EpisodeShape(
            trained.n_way if tested.n_way is None else tested.n_way,
            trained.k_shot if tested.k_shot is None else tested.k_shot,
            tested.n_query,
        )
