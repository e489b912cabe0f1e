"""From a text to integers that any text has, with no vocabulary to learn or to fetch: words and their pieces, hashed.

A word is its own index and those of its runs of three letters, so that words that are written alike have some in common,
also those never seen before (Bojanowski et al. 2017, https://arxiv.org/abs/1607.04606). Equal in every process and on every
machine.
"""

import re
import unicodedata
import zlib
from collections.abc import Iterable

import torch
from torch import Tensor

PADDING = 0
PIECES = 8  # indices of a word: its own, and of up to seven runs of letters
BEGINNING, END = 4, 3  # runs that are kept of a longer word, from its two ends
RUN = 3  # letters, of which one may be the word's edge
# A word, at most 20 letters of it at a time; a Chinese or Japanese character, as they stand without spaces; a sign.
_ALONE = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
WORD = re.compile(rf"[{_ALONE}]|(?:(?![{_ALONE}])\w){{1,20}}(?:['’](?:(?![{_ALONE}])\w){{1,20}})?|[^\w\s]")


def split(text: str, longest: int) -> list[str]:
    """The first ``longest`` words of a text, in small letters; signs are words."""
    found = WORD.finditer(unicodedata.normalize("NFKC", text).casefold())
    return [match[0] for match, _ in zip(found, range(longest), strict=False)]


def pieces(word: str, vocabulary: int) -> list[int]:
    """A word's PIECES indices in [1, vocabulary), filled up with PADDING."""
    edged = f"<{word}>"
    runs = [edged[i : i + RUN] for i in range(len(edged) - RUN + 1)] if len(word) > 1 else []
    kept = runs if len(runs) <= BEGINNING + END else runs[:BEGINNING] + runs[-END:]
    # A run is never taken for a word: words have no edges.
    indices = [zlib.crc32(part.encode()) % (vocabulary - 1) + 1 for part in (word, *(f"\0{run}" for run in kept))]
    return indices + [PADDING] * (PIECES - len(indices))


class Lexicon:
    """The words of some texts, each known by a number from 1; 0 is no word."""

    def __init__(self, vocabulary: int, longest: int):
        self.vocabulary, self.longest = vocabulary, longest
        self.known: dict[str, int] = {}

    def numbers(self, texts: Iterable[str]) -> tuple[Tensor, Tensor]:
        """Words by number, int64 (texts, longest), behind its end a text has 0; and how many it has, int64 (texts,)."""
        rows = [[self.known.setdefault(w, len(self.known) + 1) for w in split(t, self.longest)] for t in texts]
        lengths = torch.tensor([len(row) for row in rows], dtype=torch.int64)
        words = torch.zeros(len(rows), self.longest, dtype=torch.int64)
        there = torch.arange(self.longest) < lengths.unsqueeze(1)
        words[there] = torch.tensor([word for row in rows for word in row], dtype=torch.int64)
        return words, lengths

    def pieces(self) -> Tensor:
        """Each known word's indices, int64 (words + 1, PIECES); of no word, nothing but PADDING."""
        return torch.tensor([[PADDING] * PIECES, *(pieces(word, self.vocabulary) for word in self.known)])
