"""From a text to few integers, whatever its script, and back: after Unicode's own compression, SCSU (Technical Standard 6).

A sign of ASCII is one integer. Any other is its place in a window of 128 code points, and before it stands the window, where it
is not the last sign's. So a name in Cyrillic or Devanagari is about as long as in English, where UTF-8 would take two or three
times as many, and 771 integers write all scripts. A script that training never saw is one integer that is new; scripts with
windows of their own that Unicode lays out alike, as those of India, have the rest in common. Free of torch.
"""

from collections.abc import Iterable, Sequence

import numpy as np

PADDING, BEGINNING, END = 0, 1, 2
ASCII, PLACE, WINDOW = 3, 131, 259  # where their integers start
WINDOWS = 512  # of Unicode's first plane
VOCABULARY = WINDOW + WINDOWS
SIZE = 128  # code points of a window
FIRST = 1  # the window that a text starts in: Latin with accents


def written(texts: Sequence[str], longest: int) -> tuple[np.ndarray, np.ndarray]:
    """Texts of Unicode's first plane as integers (texts, longest), cut, with PADDING behind; and how many each has (texts,)."""
    lengths = np.array([len(text) for text in texts])
    codes = np.frombuffer("".join(texts).encode("utf-16-le"), np.uint16).astype(np.int64)  # of all texts in a row
    text, place = np.repeat(np.arange(len(texts)), lengths), np.arange(len(codes))
    wide = codes >= SIZE
    # The last sign beyond ASCII before each, if it is of the same text.
    before = np.maximum.accumulate(np.concatenate([[-1], np.where(wide, place, -1)]))[:-1]
    known = before >= (np.cumsum(lengths) - lengths)[text]
    window = np.where(known, codes[before] // SIZE, FIRST)
    moves = wide & (codes // SIZE != window)
    ends = np.cumsum(1 + moves)  # of each sign, in integers of all texts
    totals = np.bincount(text, 1 + moves, len(texts)).astype(np.int64)
    at = ends - 1 - (np.cumsum(totals) - totals)[text]  # within its text
    found = np.full((len(texts), longest), PADDING, np.int64)
    signs = np.where(wide, PLACE + codes % SIZE, ASCII + codes)
    for here, what, where in ((at < longest, signs, at), (moves & (at <= longest), WINDOW + codes // SIZE, at - 1)):
        found[text[here], where[here]] = what[here]
    return found, totals


def read(integers: Iterable[int]) -> str:
    """The text that integers stand for, up to the first END; those that are no sign write nothing."""
    signs, window = [], FIRST
    for one in integers:
        if one == END:
            break
        if one >= WINDOW:
            window = one - WINDOW
        elif one >= PLACE:
            signs.append(chr(window * SIZE + one - PLACE))
        elif one >= ASCII:
            signs.append(chr(one - ASCII))
    # Half of a surrogate pair is no sign, and what is not printed cannot be compared by a person.
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in signs)
