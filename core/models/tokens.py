"""What networks for texts share: words as vectors, which of them are there, and what such a network can read."""

import torch
from torch import Tensor, nn

from data.language import mark, tr
from data.spec import InputSpec

NETWORKS = mark("bag, gru or transformer")  # that read tokens


def readers(spec: InputSpec) -> str:
    """The networks for inputs that are tokens, as a choice in words."""
    return "seq2seq" if spec.written else NETWORKS


class Words(nn.Module):
    """Each word is the mean of the vectors of its pieces, where it has several, see ``data.words``.

    What is padding is left out of every sum: of its own the padding's vector would not stay 0, as vmap does not know it.
    """

    def __init__(self, spec: InputSpec, width: int):
        super().__init__()
        self.padding, self.several = spec.padding, len(spec.shape) > 1
        self.vectors = nn.Embedding(spec.vocabulary, width)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (batch, words, pieces), or (batch, words) → vectors (batch, words, width), and whether there is a word, 1 or 0
        (batch, words, 1).
        """
        x = x if self.several else x.unsqueeze(-1)
        vectors = self.vectors(x)  # (batch, words, pieces, width)
        known = torch.ones_like(x) if self.padding is None else x != self.padding
        known = known.to(vectors.dtype).unsqueeze(-1)
        count = known.sum(2)  # (batch, words, 1)
        return (vectors * known).sum(2) / count.clamp(min=1), count.clamp(max=1)


def mean_of(vectors: Tensor, there: Tensor) -> Tensor:
    """(batch, words, width) → (batch, width), over the words that are there; 0 for a text without any."""
    return (vectors * there).sum(1) / there.sum(1).clamp(min=1)


def no_texts(name: str, spec: InputSpec) -> str:
    """Why a network for texts cannot read these inputs; empty when it can."""
    if spec.written:
        return tr(
            "{name} gives one answer to a text, and this task family wants a text written; choose seq2seq.", name=name
        )
    if spec.dtype == "integer":
        return ""
    suited = "conv4" if len(spec.shape) == 3 else "mlp"
    return tr(
        "{name} reads texts, as tokens, and this task family gives real numbers; choose {suited}.",
        name=name,
        suited=suited,
    )
