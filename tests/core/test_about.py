"""Estimates in words: no digit that would only look exact."""

import pytest

from core import about
from data.language import speaking


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "a few seconds"), (8, "10 s"), (43, "45 s"), (57, "1 min"), (89, "1 min"), (100, "2 min"), (370, "6 min"),
        (59 * 60, "59 min"), (117 * 60, "117 min"), (2 * 3600, "2 h"), (2.52 * 3600, "2.5 h"), (11.6 * 3600, "12 h"),
        (35 * 3600, "35 h"), (3 * 86_400, "3 days"), (250 * 86_400, "250 days"), (4e8, "4\u202f630 days"),
    ],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert about.duration(seconds) == text


def test_durations_are_in_the_reader_s_language() -> None:
    with speaking("zh"):
        assert [about.duration(seconds) for seconds in (43, 370, 9072)] == ["45 秒", "6 分钟", "2.5 小时"]
        assert about.instead(181, 360, about.duration) == "3 分钟，而非 6"


@pytest.mark.parametrize(
    ("amount", "text"),
    [(1e6, "10 MB"), (62e6, "60 MB"), (96e6, "0.1 GB"), (449e6, "0.4 GB"), (1.26e9, "1.3 GB"), (25.3e9, "25 GB")],
)
def test_sizes(amount: float, text: str) -> None:
    assert about.size(amount) == text


def test_what_reads_the_same_is_no_difference() -> None:
    assert about.instead(181, 360, about.duration) == "3 min instead of 6"
    assert about.instead(1800, 9000, about.duration) == "30 min instead of 2.5 h"
    assert about.instead(355, 360, about.duration) == ""


def test_thousands_are_apart() -> None:
    assert [about.count(number) for number in (0, 999, 14300)] == ["0", "999", "14\u202f300"]


@pytest.mark.parametrize(
    ("names", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a or b"), (("a", "b", "c"), "a, b or c")]
)
def test_names_are_listed_as_in_a_sentence(names: list[str], text: str) -> None:
    assert about.listed(names, "or") == text
