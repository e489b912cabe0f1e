"""The learners that come with Innerloop."""

from pathlib import Path

import numpy as np
import pytest
import torch

from core.library import load_file
from core.playground import ship
from core.playground import shipped as shipped_module
from core.playground.recognition import Support, adapted
from core.playground.shipped import FOLDER, Measured, Shipped, shipped
from core.playground.signs import drawings
from core.playground.strokes import picture
from core.runs.home import Home
from data import doodles
from data.language import ENGLISH

DRAWN = [name for name, one in shipped().items() if one.family == "doodles"]


def test_they_take_less_than_a_megabyte_and_are_described() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 1_000_000
    assert {one.learner for one in shipped().values()} >= {"protonet", "maml"}
    for one in shipped().values():
        assert one.path.is_file() and one.measured[0].text == one.score
        assert all(test.episodes >= 1000 and test.ci95 > 0 for test in one.measured)


@pytest.mark.parametrize("name", DRAWN)
def test_they_tell_signs_apart_that_were_drawn_on_pads_on_a_machine_without_pictures(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doodles, "draw_pool", lambda *_: pytest.fail("the pool was drawn"))
    learner = load_file(shipped()[name].path, home=Home.find(tmp_path), batch_statistics="support")
    drawn = doodles.redraw(doodles.invent(50, torch.Generator().manual_seed(9)), 2, torch.Generator().manual_seed(9))
    pads = [[picture(one) for one in drawings(drawn, number)] for number in range(50)]
    right = []
    for task in range(10):
        five = pads[5 * task : 5 * task + 5]
        found = adapted(learner, Support(np.stack([one[0] for one in five]), tuple(range(5))))
        right += [found.answer(one[1])[-1].argmax() == sign for sign, one in enumerate(five)]
    assert np.mean(right) > 0.8


def test_one_that_is_measured_anew_takes_its_place_in_the_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ship, "FOLDER", tmp_path)
    for name, score in (("a", "1 %"), ("b", "2 %"), ("a", "3 %")):
        ship.enter(Shipped(name, name, "doodles", "maml", score, (Measured("doodles", score, 0.5, 0.1, 1000),)))
    monkeypatch.setattr(shipped_module, "FOLDER", tmp_path)
    found = shipped_module.read.__wrapped__(ENGLISH)
    assert [(one.name, one.score, one.measured[0].text) for one in found.values()] == [
        ("a", "3 %", "3 %"),
        ("b", "2 %", "2 %"),
    ]
