"""Words and their pieces as integers: the same everywhere, alike where words are alike."""

import subprocess
import sys

import pytest
import torch

from data.words import PADDING, PIECES, Lexicon, pieces, split


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("What's on my TO-DO list?", ["what's", "on", "my", "to", "-", "do", "list", "?"]),
        ("don’t!!", ["don’t", "!", "!"]),
        ("Straße  401k\tÉcole\n", ["strasse", "401k", "école"]),
        ("ｆｕｌｌ width", ["full", "width"]),
        ("天気 today", ["天", "気", "today"]),
        ("안녕하세요 world", ["안녕하세요", "world"]),
        ("x" * 45, ["x" * 20, "x" * 20, "x" * 5]),
        ("👍", ["👍"]),
        (" \n ", []),
    ],
)
def test_a_text_is_split_into_words(text: str, words: list[str]) -> None:
    assert split(text, longest=32) == words


def test_what_follows_the_longest_is_cut_off() -> None:
    assert split("one two three four", longest=3) == ["one", "two", "three"]


def test_a_word_is_itself_and_its_runs_of_letters() -> None:
    cat, cats, i = (pieces(word, 8192) for word in ("cat", "cats", "i"))
    assert all(len(found) == PIECES for found in (cat, cats, i))
    assert cat[4:] == [PADDING] * 4 and i[1:] == [PADDING] * 7  # <ca cat at>
    assert cat[0] != cats[0] and set(cat) & set(cats) - {PADDING} == {cat[1], cat[2]}  # <ca, cat
    assert cat[2] != cat[0]  # the run is not the word
    long = pieces("internationalisation", 8192)
    assert PADDING not in long
    assert set(long[-3:]) <= set(pieces("naturalisation", 8192))  # ends are kept


@pytest.mark.parametrize("vocabulary", [64, 8192])
def test_indices_are_within_the_vocabulary_and_none_is_padding(vocabulary: int) -> None:
    found = torch.tensor([[one for one in pieces(f"word{i}", vocabulary) if one] for i in range(100, 600)])
    assert found.min() >= 1 and found.max() < vocabulary
    assert len(found.unique()) > 0.9 * min(vocabulary, 700)  # and hardly any stays unused


def test_texts_are_rows_of_numbers_of_words() -> None:
    lexicon = Lexicon(vocabulary=100, longest=4)
    words, lengths = lexicon.numbers(["a b a", "", "c b a b c"])
    assert words.tolist() == [[1, 2, 1, 0], [0, 0, 0, 0], [3, 2, 1, 2]] and lengths.tolist() == [3, 0, 4]
    table = lexicon.pieces()
    assert table.shape == (4, PIECES) and table[0].tolist() == [PADDING] * PIECES
    assert table[2].tolist() == pieces("b", 100)
    assert Lexicon(100, 4).numbers([])[0].shape == (0, 4)


def test_another_process_finds_the_same_indices() -> None:
    """Python's own hash differs from process to process."""
    code = "from data.words import pieces; print(pieces('transfer', 8192))"
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert said.strip() == str(pieces("transfer", 8192))
    assert pieces("transfer", 8192)[:3] == [1398, 6836, 7490]  # those that trained networks know
