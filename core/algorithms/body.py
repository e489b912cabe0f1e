"""A network up to its output layer, which gives what that layer reads: its features."""

import torch
from torch import Tensor, nn
from torch.func import functional_call

from data.spec import InputSpec


class Body(nn.Module):
    """A network up to its output layer: gives what the layer of this name reads."""

    def __init__(self, model: nn.Module, layer: str):
        super().__init__()
        self.model, self.layer = model, layer

    def forward(self, x: Tensor) -> Tensor:
        read: list[Tensor] = []
        layer = self.model.get_submodule(self.layer)
        hook = layer.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
        try:
            self.model(x)
        finally:
            hook.remove()
        return read[-1]  # (batch, features)


def last_layer(model: nn.Module, head: set[str], spec: InputSpec) -> str | None:
    """Name of the linear layer that owns the ``head`` and whose answer the network returns as it is; None if it is none."""
    name = min(head, default="").rpartition(".")[0]
    layer = dict(model.named_modules()).get(name)
    # A subclass may compute something else, and a normalised weight is made of others.
    if type(layer) is not nn.Linear or f"{name}.weight" not in head or not head <= {f"{name}.weight", f"{name}.bias"}:
        return None
    said, x = [], spec.zeros(2)
    x = x.to(layer.weight.device, layer.weight.dtype if x.is_floating_point() else x.dtype)
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}  # which a call may change in place
    hook = layer.register_forward_hook(lambda *call: said.append(call[-1]))
    try:
        with torch.no_grad():
            answer = functional_call(model, buffers, (x,))
    finally:
        hook.remove()
    return name if len(said) == 1 and said[0] is answer and answer.ndim == 2 else None
