"""What follows from the iteration alone, so that a resumed run needs no scheduler state: the meta learning rate, and when
the learner is validated.
"""

import math

from core.config.run import TrainingConfig


def learning_rate(config: TrainingConfig, iteration: int, seconds: float = 0.0) -> float:
    """The rate of the meta-step that follows ``iteration`` finished ones (0 for the first), ``seconds`` into the training.

    exponential: meta_lr * decay_rate ** (iteration / decay_every), the exponent rounded down if ``staircase``. cosine: half
    a cosine from meta_lr to final_lr (Loshchilov & Hutter 2017, eq. 5, without restarts). linear: a line between the two
    (Nichol et al. 2018).
    """
    if config.schedule == "exponential":
        periods = iteration / config.decay_every
        return config.meta_lr * config.decay_rate ** (math.floor(periods) if config.staircase else periods)
    if config.schedule == "constant":
        return config.meta_lr
    left = 1 - done(config, iteration, seconds)
    share = left if config.schedule == "linear" else (1 + math.cos(math.pi * (1 - left))) / 2
    return config.final_lr + (config.meta_lr - config.final_lr) * share


def done(config: TrainingConfig, iteration: int, seconds: float) -> float:
    """Share of the training that is over, in [0, 1]: of its iterations or of its time budget, whichever is further."""
    share = iteration / config.iterations
    if config.minutes is not None:
        share = max(share, seconds / (60 * config.minutes))
    return min(1.0, share)


def early_validations(config: TrainingConfig) -> frozenset[int]:
    """The iterations before the first regular validation after which there is one too: a half, a quarter, … of
    ``evaluate_every``, rounded down, ``early_validations`` of them.

    A demonstration has a curve within seconds, and what it costs is known beforehand: so many validations, by the iteration
    and never by the clock, each of all validation episodes and as good as any other. Where halving reaches 0 there are fewer.
    """
    halvings = range(1, config.early_validations + 1)
    return frozenset(config.evaluate_every >> halving for halving in halvings) - {0}


def validated_after(config: TrainingConfig, iteration: int, early: frozenset[int]) -> bool:
    """Whether the learner is validated after so many meta-steps, of which there was one at least. early: as above."""
    return iteration > 0 and (iteration % config.evaluate_every == 0 or iteration in early)
