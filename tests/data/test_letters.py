"""Texts as integers of any script, and back."""

import pytest

from data.letters import ASCII, END, PADDING, PLACE, VOCABULARY, WINDOW, read, written

TEXTS = ["Argentina", "Аргентина", "été", "аб вг é", "", "阿a当", "हिन्दी", "עברית", "\uffff", "é"]


def test_a_text_comes_back_as_it_was() -> None:
    integers, lengths = written(TEXTS, 20)
    assert integers.shape == (len(TEXTS), 20) and integers.max() < VOCABULARY
    assert [read(row) for row in integers.tolist()][:-2] == TEXTS[:-2]
    assert read(integers[-2].tolist()) == "\ufffd"  # no sign at all
    assert ((integers != PADDING).sum(1) == lengths).all()


def test_a_sign_beyond_ascii_says_its_window_where_it_is_not_the_last_ones() -> None:
    integers, lengths = written(["éa", "яaя", "я", "яé"], 6)
    assert lengths.tolist() == [2, 4, 2, 4]  # and what stands before in another text plays no part
    cyrillic, latin = WINDOW + 0x400 // 128, WINDOW + 1
    assert integers[1].tolist() == [cyrillic, PLACE + 0x4F, ASCII + ord("a"), PLACE + 0x4F, PADDING, PADDING]
    assert integers[3].tolist()[2:4] == [latin, PLACE + ord("é") % 128]


@pytest.mark.parametrize("longest", [1, 2, 3])
def test_a_text_that_is_too_long_is_cut_and_its_length_told(longest: int) -> None:
    whole, _ = written(["яёé"], 9)
    integers, lengths = written(["яёé"], longest)
    assert integers.tolist() == whole[:, :longest].tolist() and lengths.tolist() == [5]


def test_nothing_is_read_behind_the_end_and_no_sign_writes_nothing() -> None:
    assert read([PADDING, ASCII + ord("a"), WINDOW, END, ASCII + ord("b")]) == "a"
