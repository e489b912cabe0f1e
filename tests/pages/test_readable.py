"""Numbers and times as people read them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.metric import SQUARED_ERROR, accuracy
from pages.parts import readable

GAP = readable.GAP


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.96, "10.0 s"),
        (45, "45 s"),
        (59.7, "1 min 00 s"),
        (130, "2 min 10 s"),
        (3599.6, "1 h 00 min"),
        (11_100, "3 h 05 min"),
        (187_200, "2 d 4 h"),
        (None, "–"),
        (math.inf, "–"),
    ],
)
def test_duration(seconds, text):
    assert readable.duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.18712, "0.187"),
        (12.44, "12.4"),
        (1240.4, f"1{GAP}240"),
        (0, "0"),
        (1e-6, "1.0×10⁻⁶"),
        (5.2338e27, "5.2×10²⁷"),
        (-1e7, "-1.0×10⁷"),
        (-0.0, "0"),
        (0.00021, "0.00021"),
        (math.nan, "–"),
    ],
)
def test_number(value, text):
    assert readable.number(value) == text


@pytest.mark.parametrize(
    ("per_second", "text"), [(38.42, "38.4 it/s"), (1432, "1.4 k it/s"), (0.25, "4 s/it"), (0, "–"), (None, "–")]
)
def test_rate(per_second, text):
    assert readable.rate(per_second) == text


def test_scores_have_the_unit_of_their_metric():
    assert readable.scored(accuracy(5), {"mean": 0.9478, "ci95": 0.0043}) == "94.78 ± 0.43 %"
    assert readable.scored(SQUARED_ERROR, {"mean": 0.3812, "ci95": 0.0213}) == "0.3812 ± 0.021"
    assert readable.scored(SQUARED_ERROR, {"mean": None, "ci95": None}) == "not finite"
    assert readable.scored(accuracy(), None) == "–"


@given(st.tuples(st.sampled_from([-1, 1]), st.floats(-30, 300)).map(lambda pair: pair[0] * 10 ** pair[1]))
def test_a_number_of_any_size_is_short(value):
    text = readable.number(value)
    assert len(text) <= 12 and "e" not in text and text != "-0"
    plain = text.replace(GAP, "").replace("×10", "e").translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    assert float(plain) == pytest.approx(value, rel=0.05)


WRECKED = {"mean": 9.6148e28, "ci95": 1.9e29, "diverged": 1, "median": 0.4344, "quartiles": [0.1793, 0.8633]}


def test_the_headline_is_the_median_where_tasks_diverged():
    assert readable.scored(SQUARED_ERROR, WRECKED) == "9.6×10²⁸ ± 1.9×10²⁹"
    assert readable.headline(SQUARED_ERROR, WRECKED) == ("0.4344", "median; quartiles 0.1793 and 0.8633")
    sound = {"mean": 0.3812, "ci95": 0.0213}
    assert readable.headline(SQUARED_ERROR, sound) == ("0.3812 ± 0.021", "95 % interval")


def test_sizes():
    assert readable.size(512 * 2**20) == "512 MiB"
    assert readable.size(3.1 * 2**30) == "3.1 GiB"
    assert readable.size(300 * 2**30) == "300.0 GiB"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (True, "yes"),
        (2000, "2000"),
        (60_000, f"60{GAP}000"),
        (0.001, "0.001"),
        ([40, 40], "40, 40"),
        ("a", "a"),
    ],
)
def test_setting_value(value, text):
    assert readable.setting_value(value) == text


@pytest.mark.parametrize("name", ["v2e3", "#1e5b07", "my_net2e3:Net", "2e3d", "1.e5"])
def test_what_only_looks_like_a_number_stays_as_it_was_typed(name):
    assert readable.powers(f"{name} is better by 5.2e27 (1e-5).") == f"{name} is better by 5.2×10²⁷ (1×10⁻⁵)."


def test_a_score_stays_in_one_line():
    assert readable.unbroken("reaches 94.83 ± 0.41 % accuracy") == "reaches 94.83\u00a0±\u00a00.41\u00a0% accuracy"
