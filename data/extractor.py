"""A frozen network in front of the learners: each picture goes through it once, and tasks are made of its features.

The usual way with few photographs: a backbone that somebody has trained on many others, of timm's or torchvision's make, say. It
comes as a person's own code and a file of weights; Innerloop downloads neither.
"""

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from pydantic import Field
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from data.config import setting
from data.errors import ModelError, shortened
from data.family import ClassificationConfig
from data.frozen import digest
from data.language import tr
from data.own_code import Named
from data.spec import InputSpec

VERSION = 1  # part of the cache's key: raise it whenever a picture is made ready otherwise
FOLDER = "weights"  # of the data sets
ALONE = 1e-3  # relative difference up to which features are the same whatever pictures are beside
Channels = Annotated[list[float], Field(min_length=1, max_length=3)]
Deviations = Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=1, max_length=3)]
USUAL = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}  # of ImageNet's pictures, channel by channel
AT, AT_WEIGHTS, AT_SIZE = "family.extractor", "family.extractor_weights", "family.extractor_size"


class ExtractedConfig(ClassificationConfig):
    """What families of pictures have beside the shape of their tasks: a frozen network, or none."""

    frozen: ClassVar[str] = "extractor"

    extractor: str = setting("", "Frozen network", advanced=True)
    """package.module:make, looked up like your own networks: called without arguments it gives an nn.Module from pictures (n,
    channels, side, side) to features (n, size). All pictures go through it once; learners then see its features. Empty: none,
    learners see pixels.
    """
    extractor_weights: str = setting("", "Its weights", advanced=True)
    """A .safetensors file of the frozen network's state_dict: its name in the folder weights of the data-set folder, or its
    whole path.
    """
    extractor_size: int = setting(512, "Features it gives", ge=1, le=65536, advanced=True)
    """How many numbers it gives for a picture: 512 for ResNet-18, 2048 for ResNet-50, 384 for small vision transformers."""
    extractor_side: int | None = setting(
        None, "Side it takes", unit="pixels", ge=8, le=1024, step=32, advanced=True, empty="as the pictures are"
    )
    """Pictures are made larger or smaller to this height and width first; most such networks were trained at 224."""
    extractor_mean: Channels = setting(USUAL["mean"], "Mean it expects", advanced=True)
    """Taken from each channel of pictures in [0, 1]; as ImageNet's for most networks. One number for a network that reads grey
    pictures; with three, grey ones are given as three equal channels.
    """
    extractor_std: Deviations = setting(USUAL["std"], "Deviation it expects", advanced=True)
    """What each channel is divided by afterwards; as ImageNet's for most networks."""

    @property
    def input_spec(self) -> InputSpec:
        return InputSpec((self.extractor_size,)) if self.extractor else self.picture_spec

    @property
    def picture_spec(self) -> InputSpec:
        """Of a picture itself: (channels, height, width). Known without the data."""
        raise NotImplementedError


def named(path: str) -> Named:
    return Named(AT, path, tr("package.module:make, such as my_nets:make"), ModelError)


class Extractor:
    """The frozen network of a config. Its code is imported and its weights are read when a picture goes through it."""

    def __init__(self, config: ExtractedConfig, datasets: Path, device: torch.device | str = "cpu"):
        self.config, self.datasets, self.device = config, datasets, torch.device(device)

    @cached_property
    def network(self) -> nn.Module:
        """Raises ModelError with the reason and the way out."""
        make = named(self.config.extractor).found()
        try:
            network = make()
        except Exception as error:  # whatever the person's own code raises
            text = tr("{extractor}() failed: {error!r}", extractor=self.config.extractor, error=error)
            raise ModelError(text, tr("It is called without arguments and gives an nn.Module."), AT) from error
        if not isinstance(network, nn.Module):
            text = tr(
                "{extractor}() gives a {kind} and no torch.nn.Module.",
                extractor=self.config.extractor,
                kind=type(network).__name__,
            )
            raise ModelError(text, tr("Let it give the network, without its weights."), AT)
        load(network, weights_file(self.config, self.datasets))
        return network.eval().requires_grad_(False).to(self.device)

    def key(self) -> str:
        """Another one wherever features may be others: by the weights, the file of code, and how pictures are made ready.

        Imports nothing. Of what that code imports itself no change is noticed. Raises ModelError where there are no weights.
        """
        own = {name: value for name, value in self.config.model_dump().items() if name.startswith("extractor")}
        code = named(self.config.extractor).file()
        own["extractor_weights"] = digest(weights_file(self.config, self.datasets))
        own["code"] = hashlib.sha256(code.read_bytes()).hexdigest() if code else ""
        return hashlib.sha256(json.dumps([VERSION, own]).encode()).hexdigest()

    def __call__(self, images: Tensor) -> Tensor:
        """Pictures (n, channels, height, width) in [0, 1] → features float32 (n, size) on the extractor's device.

        Raises ModelError where the network gives something else.
        """
        with torch.no_grad():
            try:
                found = self.network(ready(images.to(self.device), self.config))
            except ModelError:
                raise
            except Exception as error:  # whatever the person's own network raises
                text = tr(
                    "{extractor} cannot read pictures {shape}: {error!r}",
                    extractor=self.config.extractor,
                    shape=tuple(images.shape)[1:],
                    error=error,
                )
                remedy = tr("Set the side it takes and as many means as it reads channels, or let its code fit them.")
                raise ModelError(shortened(text, 500), remedy, AT) from error
            return self._checked(found, len(images)).float()

    def _checked(self, found: object, n: int) -> Tensor:
        if not isinstance(found, Tensor) or found.ndim != 2 or len(found) != n:
            shape = (
                tr("the shape {shape}", shape=tuple(found.shape))
                if isinstance(found, Tensor)
                else tr("a {kind}", kind=type(found).__name__)
            )
            text = tr(
                "For {n} pictures {extractor} gives {shape}, not (n, size).",
                n=n,
                extractor=self.config.extractor,
                shape=shape,
            )
            raise ModelError(text, tr("Leave out its last layer and pool its maps: one vector a picture."), AT)
        if found.shape[1] != self.config.extractor_size:
            text = tr(
                "{extractor} gives {n} features of a picture, not {size}.",
                extractor=self.config.extractor,
                n=found.shape[1],
                size=self.config.extractor_size,
            )
            raise ModelError(text, tr("Set extractor_size to {n}.", n=found.shape[1]), AT_SIZE)
        if not found.isfinite().all():
            text = tr("{extractor} gives features that are no finite numbers.", extractor=self.config.extractor)
            raise ModelError(text, tr("Are these weights whole, and of this network?"), AT_WEIGHTS)
        return found

    def try_out(self) -> None:
        """A few made-up pictures through the network, alone and together. Raises ModelError where that does not do."""
        images = self.config.picture_spec.noise(4, generator=torch.Generator().manual_seed(0))
        together, alone = self(images), self(images[:1])
        if (together[:1] - alone).norm() > ALONE * alone.norm():
            text = tr(
                "{extractor} gives a picture other features beside other pictures.", extractor=self.config.extractor
            )
            remedy = tr("Its BatchNorm layers need running statistics, and nothing in it may be drawn at random.")
            raise ModelError(text, remedy, AT)


def ready(images: Tensor, config: ExtractedConfig) -> Tensor:
    """Pictures in [0, 1] as the frozen network reads them: of its channels and side, with mean 0 and deviation 1 or so."""
    images = images.expand(-1, max(images.shape[1], len(config.extractor_mean)), -1, -1)
    side = config.extractor_side
    if side and tuple(images.shape[2:]) != (side, side):
        images = F.interpolate(images, (side, side), mode="bilinear", antialias=True)
    mean, std = (images.new_tensor(list(one)).view(-1, 1, 1) for one in (config.extractor_mean, config.extractor_std))
    return (images - mean) / std


def weights_file(config: ExtractedConfig, datasets: Path) -> Path:
    """Raises ModelError where none is named, or none is there."""
    folder, named = datasets / FOLDER, config.extractor_weights.strip()
    remedy = tr("Give the name of a .safetensors file in {folder}, or its whole path.", folder=folder)
    if not named or "\0" in named:
        raise ModelError(tr("The frozen network is given no file of weights."), remedy, AT_WEIGHTS)
    path = folder / named
    if not path.is_file():
        raise ModelError(tr("{path} is missing.", path=path), remedy, AT_WEIGHTS)
    return path


def load(network: nn.Module, path: Path) -> None:
    """Put a file's weights into a network, all of them and no others. Raises ModelError with what does not fit."""
    try:
        weights = load_file(path)
    except (SafetensorError, OSError) as error:
        text = tr("{path} holds no weights as safetensors: {reason}.", path=path, reason=shortened(str(error), 200))
        raise ModelError(
            text, tr("Make it with safetensors.torch.save_file(network.state_dict(), path)."), AT_WEIGHTS
        ) from error
    wanted = network.state_dict()
    other = [name for name in wanted if name in weights and weights[name].shape != wanted[name].shape]
    if lacking := [name for name in wanted if name not in weights]:
        raise _unfit(path, tr("lacks {weights} of the frozen network", weights=_some(lacking)))
    if beyond := [name for name in weights if name not in wanted]:
        raise _unfit(path, tr("has {weights} that the frozen network does not have", weights=_some(beyond)))
    if other:
        name = other[0]
        shapes = tr(
            "{name} is {shape} and not {wanted}",
            name=name,
            shape=tuple(weights[name].shape),
            wanted=tuple(wanted[name].shape),
        )
        raise _unfit(path, tr("is of another network than the frozen one: {shapes}", shapes=shapes))
    if wild := [name for name, value in weights.items() if value.is_floating_point() and not value.isfinite().all()]:
        raise _unfit(path, tr("holds numbers that are not finite in {weights}", weights=_some(wild)))
    network.load_state_dict(weights)


def _some(names: Sequence[str]) -> str:
    if len(names) == 1:
        return tr("the weights {name}", name=names[0])
    return tr("the weights {name} and {n} others", name=names[0], n=len(names) - 1)


def _unfit(path: Path, what: str) -> ModelError:
    remedy = tr(
        "Let the code build the very network that these weights are of, or save the weights of the one it builds."
    )
    return ModelError(tr("{path} {unfit}.", path=path, unfit=what), remedy, AT_WEIGHTS)
