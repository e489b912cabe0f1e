"""Texts of one's own: files of every kind that people have, and what is said of those that cannot be used."""

import logging
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from core.config.checks import ConfigError, parse
from core.training.build import parameter_count
from core.training.frozen import BLOCK, FrozenEpisodes
from data import table
from data.errors import DataError
from data.examples import Choice
from data.family import SPLITS, EpisodeShape
from data.own_texts import OwnTexts, OwnTextsConfig, divided
from data.places import Folders
from tests.data.made_up_texts import made_up_texts, sentences

ROWS = [("turn it up", "volume"), ("quieter", "volume"), ("a café, “please”", "order"), ("one\nmore line", "order")]
CLASSES = {"order": ["a café, “please”", "one more line"], "volume": ["turn it up", "quieter"]}
CSV = 'text,label\nturn it up,volume\nquieter,volume\n"a café, “please”",order\n"one\nmore line",order\n'
JSON = (
    '{"text": "turn it up", "label": "volume", "more": [1]}\n{"text": "quieter", "label": "volume"}\n\n'
    '{"text": "a café, “please”", "label": "order"}\r\n{"text": "one\\nmore line", "label": "order"}'
)


def wrote(path: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
    return path


def make(folder: Path, **settings: Any) -> OwnTexts:
    return OwnTexts(OwnTextsConfig(**settings), datasets=folder, cache=folder / "cache")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A data-set folder in which mine.csv has ten classes of eight texts."""
    made_up_texts(tmp_path / "texts" / "mine.csv")
    return tmp_path


# Files


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", CSV),
        ("a.CSV", CSV.replace("\n", "\r\n").replace("one\r\nmore", "one\nmore")),
        ("a.csv", CSV.replace(",volume", ";volume").replace('",order', '";order').replace("text,label", "text;label")),
        (
            "a.csv",
            CSV.replace(",volume", "\tvolume").replace('",order', '"\torder').replace("text,label", "text\tlabel"),
        ),
        (
            "a.csv",
            "number," + CSV.replace("\nturn", "\n1,turn").replace("\nquiet", "\n2,quiet").replace('\n"', '\n3,"'),
        ),
        (
            "a.tsv",
            CSV.replace(",volume", "\tvolume").replace('",order', '"\torder').replace("text,label", "text\tlabel"),
        ),
        ("a.jsonl", JSON),
        ("a.ndjson", JSON),
    ],
)
def test_tables_of_every_kind_are_read(tmp_path: Path, name: str, content: str) -> None:
    found = table.read(wrote(tmp_path / name, content), "text", "label")
    assert found.by_class == CLASSES
    assert found.remarks == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"])
def test_encodings_are_told_apart(tmp_path: Path, encoding: str) -> None:
    text = "text,label\ncafé,a\nnaïve,a\n"
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    found = table.read(wrote(tmp_path / "a.csv", mark + text.encode(encoding)), "text", "label")
    assert found.by_class == {"a": ["café", "naïve"]}
    guessed = encoding in ("cp1252", "latin-1")
    assert (found.remarks != ()) is guessed
    assert not guessed or "not UTF-8 and was read as cp1252" in found.remarks[0]


def test_bytes_that_are_no_letter_of_windows_are_read_as_latin_1(tmp_path: Path) -> None:
    found = table.read(wrote(tmp_path / "a.csv", b"text,label\na\x81,a\n\xe9,a\n"), "text", "label")
    assert "read as latin-1" in found.remarks[0] and found.by_class["a"][1] == "é"


def test_columns_may_be_called_otherwise(tmp_path: Path) -> None:
    path = wrote(tmp_path / "a.csv", CSV.replace("text,label", "Utterance,My intent"))
    assert table.read(path, "Utterance", "My intent").by_class == CLASSES


def test_labels_may_be_numbers(tmp_path: Path) -> None:
    rows = "".join(
        f'{{"text": "{text}", "label": {label}}}\n' for text, label in [("a", 1), ("b", 1), ("c", 2.5), ("d", 2.5)]
    )
    assert list(table.read(wrote(tmp_path / "a.jsonl", rows), "text", "label").by_class) == ["1", "2.5"]
    found = table.read(wrote(tmp_path / "a.csv", "text,label\na,01\nb,01\nNA,2\nnull,2\n"), "text", "label")
    assert found.by_class == {"01": ["a", "b"], "2": ["NA", "null"]}


def test_rows_that_would_teach_something_wrong_are_left_out_and_told(tmp_path: Path) -> None:
    rows = [
        *[("a one", "a"), ("a two", "a"), ("a  one ", "a"), ("a one", "a")],
        *[("", "a"), ("  ", "b"), ("no label", ""), ("b one", "b"), ("b two", "b")],
        *[("both", "a"), ("both", "b"), ("both", "b"), ("alone", "c")],
    ]
    content = "text,label\n" + "".join(f"{text},{label}\n" for text, label in rows)
    found = table.read(wrote(tmp_path / "a.csv", content), "text", "label")
    assert found.by_class == {"a": ["a one", "a two"], "b": ["b one", "b two"]}
    assert found.remarks == (
        "3 rows without a text or a label were left out.",
        "3 repetitions of a text were left out.",
        "1 text under several labels, such as “both”, was left out.",
        "1 class of fewer than two texts was left out.",
    )


def test_a_file_that_has_changed_is_read_again_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = wrote(tmp_path / "a.csv", CSV)
    assert table.read(path, "text", "label").by_class == CLASSES
    wrote(path, "text,label\nnew,a\nnewer,a\n")
    os.utime(path, ns=(1, 1))
    assert list(table.read(path, "text", "label").by_class) == ["a"]
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("read again"))
    assert list(table.read(path, "text", "label").by_class) == ["a"]


HOSTILE = {
    "empty": ("a.csv", b"", "it is empty"),
    "empty lines": ("a.jsonl", b"\n \n", "it is empty"),
    "header alone": ("a.csv", b"words\nx\n", "no column 'text' and 'label', only 'words'"),
    "one column": ("a.csv", b"text,intent\nx,y\n", "no column 'label', only 'text', 'intent'"),
    "ragged": (
        "a.csv",
        b"text,label\na,b\nc,d,e,f\n",
        "Expected 2 fields in line 3, saw 4; put texts with commas into quotes",
    ),
    "first ragged": ("a.csv", b"text,label\nyes, please,b\nc,d\n", "put texts with commas into quotes"),
    "all ragged": ("a.csv", b"text,label\nyes, please,b\nc,d,e\n", "longer than its line of names; put texts with"),
    "quotes": ("a.csv", b'text,label\n"a,b\nc,d\n', "EOF inside string"),
    "zeros": ("a.csv", b"t\0e\0x\0t\0,\0", "zero bytes"),
    "half a letter": ("a.csv", b"\xff\xfea", "truncated"),
    "zip": ("a.csv", b"PK\x03\x04\x00\x00", "zero bytes"),
    "table": ("a.xlsx", b"PK\x03\x04", "ends with none of .csv, .tsv"),
    "no JSON": ("a.jsonl", b'{"text": 1, "label": 2}\n{"text"\n', "line 2 is no JSON"),
    "a list": ("a.jsonl", b'["text", "label"]\n', "line 1 is no object"),
    "other keys": ("a.jsonl", b'{"text": "x"}\n', "no column 'label', only 'text'"),
    "nested": ("a.jsonl", b"[" * 200_000, "recursion|too many nested"),
    "many columns": ("a.csv", ",".join(f"column{i}" * 30 for i in range(500)).encode(), "no column"),
}


@pytest.mark.parametrize("damage", HOSTILE)
def test_a_file_that_cannot_be_used_is_named_with_a_reason(tmp_path: Path, damage: str) -> None:
    name, content, complaint = HOSTILE[damage]
    path = wrote(tmp_path / name, content)
    with pytest.raises(DataError, match=complaint) as caught:
        table.read(path, "text", "label")
    assert caught.value.path == "family.file" and str(path) in caught.value.message
    assert "\n" not in str(caught.value) and len(caught.value.message) < 600


def test_files_are_read_within_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = wrote(tmp_path / "a.csv", CSV)
    monkeypatch.setattr(table, "MOST_ROWS", 3)
    with pytest.raises(DataError, match="more than 3 rows"):
        table.read(path, "text", "label")
    with pytest.raises(DataError, match="more than 3 rows"):
        table.read(wrote(tmp_path / "a.jsonl", JSON), "text", "label")
    monkeypatch.setattr(table, "MOST_BYTES", 10)
    with pytest.raises(DataError, match="are the most"):
        table.read(wrote(tmp_path / "b.csv", CSV), "text", "label")


@pytest.mark.parametrize("name", ["none.csv", "folder", "/dev/zero", "/dev/null"])
def test_what_is_no_file_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match=r"is missing|is no file"):
        table.read(tmp_path / name, "text", "label")


# The family


def test_a_file_is_found_among_the_data_sets_or_by_its_whole_path(mine: Path, tmp_path: Path) -> None:
    named, whole = make(mine, file="mine.csv"), make(tmp_path / "other", file=str(mine / "texts/mine.csv"))
    assert named.pool("train").texts == whole.pool("train").texts
    with pytest.raises(DataError, match=r"none\.csv is missing\. Put it there, or give its whole path"):
        make(mine, file="none.csv").pool("train")
    for odd in ("~nobody/a.csv", "a" * 300 + ".csv", "\udcff.csv"):
        with pytest.raises(DataError, match=r"is missing|cannot be read"):
            make(mine, file=odd).pool("train")
    for nothing in ("", "  ", "a\0b"):
        with pytest.raises(
            DataError, match=r"No file of texts is named\. Give a file's name in .*texts, or its whole path"
        ):
            make(mine, file=nothing).pool("train")


def test_classes_are_divided_by_the_seed_and_no_split_shares_one(mine: Path) -> None:
    family, again, other = (make(mine, file="mine.csv", split_seed=seed) for seed in (0, 0, 1))
    names = {split: family.pool(split).names for split in SPLITS}
    assert [len(names[split]) for split in SPLITS] == [6, 2, 2]
    assert len({name for some in names.values() for name in some}) == 10
    assert names["test"] == again.pool("test").names != other.pool("test").names
    pool = family.pool("val")
    assert pool.texts[:8] == sentences(int(pool.names[0].removeprefix("class ")))


@pytest.mark.parametrize(("classes", "parts"), [(6, [2, 2, 2]), (9, [5, 2, 2]), (20, [12, 4, 4]), (150, [90, 30, 30])])
def test_each_split_has_its_share(classes: int, parts: list[int]) -> None:
    found = divided(OwnTextsConfig(), {f"{i}": ["a", "b"] for i in range(classes)})
    assert [len(found[split]) for split in SPLITS] == parts


def test_too_few_classes_are_said(tmp_path: Path) -> None:
    path = made_up_texts(tmp_path / "few.csv", classes=5)
    with pytest.raises(DataError, match=r"has 5 classes of two texts or more.* Give it at least 6 classes"):
        make(tmp_path, file=str(path)).pool("train")


def test_what_was_left_out_is_in_the_run_s_log_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = made_up_texts(tmp_path / "a.csv")
    path.write_text(path.read_text() + ",class 1\nalone,nobody else\n")
    family = make(tmp_path, file=str(path))
    with caplog.at_level(logging.WARNING):
        for split in SPLITS:
            family.pool(split)
    assert len(caplog.messages) == len(family.remarks()) == 2
    assert caplog.messages[0].startswith("own-texts: 1 row without")


def run(file: Path | str, **family: Any) -> dict[str, Any]:
    shape = {"n_way": 2, "k_shot": 1, "n_query": 4}
    return {
        "family": {"name": "own-texts", "file": str(file), **shape, **family},
        **{"model": {"name": "bag"}, "algorithm": {"name": "protonet"}, "evaluation": {"n_query": 4}},
    }


def problems(config: dict[str, Any], folders: Folders | None) -> dict[str, str]:
    try:
        parse(config, folders)
    except ConfigError as error:
        return {one.path: f"{one.message} {one.remedy}".strip() for one in error.problems}
    return {}


def test_what_a_file_allows_is_known_before_the_launch(mine: Path) -> None:
    folders = Folders(mine, mine / "cache")
    assert problems(run("mine.csv"), None) == {}  # nobody said where files are
    assert problems(run("mine.csv"), folders) == {}
    assert "lower n_way to 2 or less" in problems(run("mine.csv", n_way=3), folders)["family.n_way"]
    too_many = problems(run("mine.csv", n_query=8, k_shot=4), folders)["family.n_query"]
    assert "exceeds the 8 examples per class of own-texts" in too_many and "lower n_query to 4 or less" in too_many
    assert "is missing" in problems(run("none.csv"), folders)["family.file"]
    assert "No file of texts is named" in problems(run(""), folders)["family.file"]


def test_weights_are_counted_for_as_many_classes_as_the_file_has(mine: Path) -> None:
    """On torch's meta device, where no number can be looked at."""
    folders = Folders(mine, mine / "cache")
    config = parse(run("mine.csv") | {"algorithm": {"name": "pretrain"}}, folders)
    assert parameter_count(config, folders) == 4096 * 64 + (64 + 1) * 6


def test_frozen_blocks_of_unequal_length_are_all_scored(mine: Path) -> None:
    """Where many tasks are computed at once, blocks are put beside each other if they are alike."""
    family = make(mine, file="mine.csv")
    pool = family.pool("test")
    number = pool.lengths.view(2, 8).argsort(1) + torch.tensor([[0], [8]])  # of each class, the shortest first
    short, long = (Choice("test", 1, number[:, part].expand(BLOCK, 2, 3)) for part in (slice(0, 3), slice(5, 8)))
    chunks = list(FrozenEpisodes(family, [short, short, long, short]).chunks(4 * BLOCK))
    assert [chunk.tasks for chunk in chunks] == [BLOCK] * 4
    chunks = list(FrozenEpisodes(family, [long, long]).chunks(4 * BLOCK))
    assert [chunk.tasks for chunk in chunks] == [2 * BLOCK]


def test_small_classes_are_never_drawn_and_that_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = made_up_texts(tmp_path / "a.csv", classes=10)
    lines = [line for line in path.read_text().splitlines() if not line.endswith(("class 0", "class 1", "class 2"))]
    path.write_text("\n".join([*lines, *(f"text {i},class {i % 3}" for i in range(6))]))
    family = make(tmp_path, file=str(path))
    split = next(split for split in SPLITS if len(family.pool(split).counts) > 2)
    with caplog.at_level(logging.WARNING):
        episodes = family.sample(split, EpisodeShape(2, 2, 4), 50, torch.Generator().manual_seed(0))
    small = int((family.pool(split).counts < 6).sum())
    assert episodes.tasks == 50 and small
    assert f"{small} of 6 training classes have fewer than 6 examples" in caplog.text
