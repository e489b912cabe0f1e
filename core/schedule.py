"""The meta learning rate as a function of the iteration, so that a resumed run needs no scheduler state."""

import math

from core.config import TrainingConfig


def learning_rate(config: TrainingConfig, iteration: int) -> float:
    """The rate of the meta-step that follows ``iteration`` finished ones (0 for the first).

    exponential: meta_lr * decay_rate ** (iteration / decay_every), the exponent rounded down if ``staircase``. cosine: half
    a cosine from meta_lr to final_lr (Loshchilov & Hutter 2017, eq. 5, without restarts).
    """
    if config.schedule == "exponential":
        periods = iteration / config.decay_every
        return config.meta_lr * config.decay_rate ** (math.floor(periods) if config.staircase else periods)
    if config.schedule == "cosine":
        fraction = min(1.0, iteration / config.iterations)
        return config.final_lr + (config.meta_lr - config.final_lr) * (1 + math.cos(math.pi * fraction)) / 2
    return config.meta_lr
