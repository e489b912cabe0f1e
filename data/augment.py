"""Training pictures made more various: mirrored, shifted, of other colours, a whole batch at once. Tests are never changed."""

import torch
from torch import Tensor

from data.config import setting
from data.extractor import ExtractedConfig

LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue


class AugmentedConfig(ExtractedConfig):
    """What families of photographs have beside the shape of their tasks. Of no effect on any test."""

    flip: bool = setting(False, "Mirror training pictures", advanced=True)
    """Mirrors every other picture of training tasks left to right, at random. Not for letters, digits or arrows."""
    crop: int = setting(0, "Shift training pictures", unit="pixels", ge=0, le=32, advanced=True)
    """Shifts each picture of training tasks by up to so many pixels in both directions; its edge fills what is then empty."""
    jitter: float = setting(0.0, "Vary colours in training", ge=0, le=0.9, step=0.1, advanced=True)
    """Multiplies brightness, contrast and saturation of each training picture by random factors of 1 ± this at most."""

    @property
    def augments(self) -> bool:
        return self.flip or self.crop > 0 or self.jitter > 0


def augmented(images: Tensor, config: AugmentedConfig, generator: torch.Generator) -> Tensor:
    """Pictures (..., channels, height, width) in [0, 1], each changed by itself. Draws on the generator's device."""
    x = images.flatten(0, -4)  # (n, channels, height, width)
    if config.flip:
        mirrored = _uniform(len(x), generator, x.device) < 0.5
        x = torch.where(mirrored[:, None, None, None], x.flip(-1), x)
    if config.crop:
        x = _shifted(x, config.crop, generator)
    if config.jitter:
        x = _varied(x, config.jitter, generator)
    return x.view(images.shape)


def _uniform(n: int, generator: torch.Generator, device: torch.device) -> Tensor:
    return torch.rand(n, generator=generator, device=generator.device).to(device)


def _shifted(x: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Each by its own number of rows and columns in [-most, most]; the edge is repeated."""
    n, channels, height, width = x.shape
    by = torch.randint(-most, most + 1, (2, n, 1), generator=generator, device=generator.device).to(x.device)
    rows = (torch.arange(height, device=x.device) + by[0]).clamp(0, height - 1)  # (n, height)
    columns = (torch.arange(width, device=x.device) + by[1]).clamp(0, width - 1)  # (n, width)
    x = x.gather(2, rows[:, None, :, None].expand(n, channels, height, width))
    return x.gather(3, columns[:, None, None, :].expand(n, channels, height, width))


def _varied(x: Tensor, most: float, generator: torch.Generator) -> Tensor:
    """Brightness, then contrast about the picture's mean, then saturation about its grey; kept in [0, 1]."""
    factors = [1 + most * (2 * _uniform(len(x), generator, x.device) - 1)[:, None, None, None] for _ in range(3)]
    x = (x * factors[0]).clamp_(0, 1)
    mean = x.mean((1, 2, 3), keepdim=True)
    x = torch.lerp(mean.expand_as(x), x, factors[1]).clamp_(0, 1)
    if x.shape[1] != len(LUMINANCE):
        return x
    grey = (x * torch.tensor(LUMINANCE, device=x.device).view(-1, 1, 1)).sum(1, keepdim=True)
    return torch.lerp(grey.expand_as(x), x, factors[2]).clamp_(0, 1)
