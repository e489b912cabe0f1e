"""Strokes on a pad as the picture that a network gets."""

import numpy as np
import pytest
import torch

from core.playground.signs import drawings, signs
from core.playground.strokes import MOST_POINTS, MOST_STROKES, SCALE, Drawing, picture
from data.doodles import PEN, Programme, curves, fit, invent, render
from data.errors import InputError

BENT = [[100, 100, 500, 300, 900, 100], [500, 300, 500, 900]]


def alike(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel().astype(float), other.ravel().astype(float))[0, 1])


def by_one_hand(found: Programme, control: torch.Tensor) -> Programme:
    """Characters with a middling pen, without what a hand changes."""
    parts = [part.unsqueeze(1) for part in (control, found.roundness, found.used)]
    return Programme(*parts, torch.full((len(control), 1), sum(PEN) / 2, dtype=control.dtype))


def in_the_box(found: Programme) -> torch.Tensor:
    """The points that their curves are drawn around, put where the ink fills the box, as that on a pad is made to."""
    control = found.control.clone()
    for number, points in enumerate(curves(found)):
        ink = points[found.used[number] > 0].flatten(0, 1)  # (n, 2)
        low, high, fitted = ink.amin(0), ink.amax(0), fit(ink[None, None])[0, 0]
        scale = (fitted.amax(0) - fitted.amin(0)) / (high - low)
        control[number] = (control[number] - (low + high) / 2) * scale
    return control


def test_a_doodles_own_strokes_give_the_picture_that_its_pool_would_have() -> None:
    found = invent(50, torch.Generator().manual_seed(3))
    pool = render(by_one_hand(found, in_the_box(found)))[:, 0].numpy()
    on_pads = by_one_hand(found, found.control)
    likeness = [alike(picture(drawings(on_pads, number)[0]), pool[number]) for number in range(50)]
    assert np.median(likeness) > 0.97 and min(likeness) > 0.9


def test_a_picture_does_not_depend_on_where_and_how_large_somebody_draws() -> None:
    large = picture(Drawing.of(BENT))
    small = picture(Drawing.of([[300 + one // 4 for one in stroke] for stroke in BENT]))
    assert alike(large, small) > 0.98
    assert large.shape == (28, 28) and large.dtype == np.uint8 and large.max() > 240


def test_a_picture_does_not_depend_on_how_many_points_a_hand_leaves() -> None:
    few = picture(Drawing.of([[100, 100, 900, 900]]))
    many = picture(Drawing.of([[one for at in range(100, 901, 4) for one in (at, at)]]))
    assert alike(few, many) > 0.99


def test_a_tremor_leaves_the_ink_as_it_is() -> None:
    straight = [one for at in range(100, 901, 10) for one in (at, 500)]
    trembling = [one + (shake if i % 2 else 0) for i, one in enumerate(straight) for shake in (8 * (-1) ** (i // 2),)]
    ink = [int(picture(Drawing.of([stroke, [500, 100, 500, 900]])).sum()) for stroke in (straight, trembling)]
    assert ink[1] == pytest.approx(ink[0], rel=0.1)


def test_a_dot_leaves_ink_and_an_empty_pad_none() -> None:
    assert picture(Drawing()).max() == 0 and not Drawing()
    dotted = picture(Drawing.of([[500, 100, 500, 700], [500, 900]]))
    assert dotted[20:].max() > 100 and dotted[17:19].max() < dotted[20:].max()
    assert picture(Drawing.of([[500, 500]])).max() > 100


def test_what_was_sent_is_what_is_sent_back() -> None:
    assert Drawing.of(BENT).plain() == BENT
    found = signs(4).examples[0][0]
    assert all(np.array_equal(a, b) for a, b in zip(Drawing.of(found.plain()).strokes, found.strokes, strict=True))


def test_the_longest_drawing_there_can_be_is_drawn_in_bounded_memory() -> None:
    across = [SCALE * ((i // 2) % 2) if i % 2 else (i // 2) % SCALE for i in range(2 * MOST_POINTS)]
    assert picture(Drawing.of([across])).shape == (28, 28)


@pytest.mark.parametrize(
    "values",
    [
        None,
        "strokes",
        [1, 2],
        [[]],
        [[1, 2, 3]],
        [[1.5, 2]],
        [[True, False]],
        [[-1, 2]],
        [[0, SCALE + 1]],
        [["1", "2"]],
        [[0, 0]] * (MOST_STROKES + 1),
        [[0, 0] * (MOST_POINTS + 1)],
    ],
)
def test_what_no_hand_of_ours_draws_is_refused(values: object) -> None:
    with pytest.raises(InputError):
        Drawing.of(values)


def test_a_seed_always_invents_the_same_signs() -> None:
    one, again, other = signs(7), signs(7), signs(8)
    assert one.others[0].plain() == again.others[0].plain() != other.others[0].plain()


def test_no_hand_of_ours_reaches_the_edge_of_its_pad() -> None:
    """There it would be cut off, and be another sign."""
    for seed in range(3):
        for hands in signs(seed).examples:
            for stroke in (stroke for one in hands for stroke in one.strokes):
                assert stroke.min() > 0.03 and stroke.max() < 0.97
