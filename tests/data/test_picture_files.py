"""What is found in folders, zips and lists, and what is said of those that cannot be used."""

from collections.abc import Callable
from pathlib import Path

import pytest

from data.errors import DataError
from data.picture_files import Listed, listed
from tests.data.hostile_zips import HOSTILE
from tests.data.photographs import album, content, zipped


def counts(found: Listed) -> dict[str, int]:
    return {label: len(files) for label, files in found.classes.items()}


def test_a_class_is_the_folder_that_its_pictures_lie_in_whatever_the_depth(tmp_path: Path) -> None:
    album(tmp_path / "a", {"birds/finch": 2, "birds/owl": 1, "cats": 3, "birds": 1})
    (tmp_path / "a/notes.txt").write_text("no picture")
    found = listed(tmp_path / "a")
    assert counts(found) == {"birds": 1, "birds/finch": 2, "birds/owl": 1, "cats": 3}
    assert (found.others, found.skipped, found.splits) == (1, [], {})


def test_folders_that_all_classes_share_are_no_part_of_their_names(tmp_path: Path) -> None:
    album(tmp_path / "a", {"top/inner/x": 1, "top/inner/y": 2})
    path = zipped(tmp_path / "a", tmp_path / "a.zip")
    for source in (tmp_path / "a", path):
        assert counts(listed(source)) == {"x": 1, "y": 2}


def test_folders_called_train_val_and_test_say_the_split(tmp_path: Path) -> None:
    found = listed(album(tmp_path / "a", {"train/x": 1, "valid/y": 2, "test/z": 1}))
    assert counts(found) == {"x": 1, "y": 2, "z": 1}
    assert found.splits == {"x": "train", "y": "val", "z": "test"}


def test_the_same_classes_in_train_and_test_are_whole_classes(tmp_path: Path) -> None:
    found = listed(album(tmp_path / "a", {"train/x": 2, "train/y": 2, "test/x": 1, "test/y": 1}))
    assert counts(found) == {"x": 3, "y": 3}
    assert found.splits == {}


def test_links_are_not_followed(tmp_path: Path) -> None:
    root = album(tmp_path / "a", {"x": 1, "y": 1})
    (root / "x/link.png").symlink_to(root / "y/000.png")
    (root / "circle").symlink_to(root)
    found = listed(root)
    assert counts(found) == {"x": 1, "y": 1}
    assert sorted(found.skipped) == [("circle", "is a link to a folder"), ("x/link.png", "is a link")]


def test_pictures_outside_of_folders_and_kinds_that_are_not_read_are_told(tmp_path: Path) -> None:
    root = album(tmp_path / "a", {"x": 1, "y": 1})
    (root / "alone.png").write_bytes(content(1))
    (root / "x/phone.HEIC").write_bytes(b"heic")
    assert sorted(listed(root).skipped) == [
        ("alone.png", "lies in no class's folder"), ("x/phone.HEIC", "is of a kind that is not read; save it as JPEG"),
    ]  # fmt: skip


def test_what_a_mac_adds_to_zips_is_no_picture(tmp_path: Path) -> None:
    album(tmp_path / "a", {"x": 1, "y": 1, "__MACOSX/x": 1})
    (tmp_path / "a/x/._000.png").write_bytes(b"resource fork")
    assert counts(listed(zipped(tmp_path / "a", tmp_path / "a.zip"))) == {"x": 1, "y": 1}


@pytest.mark.parametrize("first", ["path,label\n", "", "\ufefffilename,class\n", "path;label\n"])
def test_a_list_gives_paths_and_labels_with_titles_or_without(first: str, tmp_path: Path) -> None:
    root = album(tmp_path / "a", {"any": 3})
    comma = ";" if ";" in first else ","
    rows = [f"any/00{i}.png{comma}{label}" for i, label in enumerate(["Fuß, links", "b", "b"])]
    rows[0] = f'any/000.png{comma}"Fuß, links"'
    (root / "list.csv").write_text(first + "\n".join([*rows, "", f"any/none.png{comma}b"]), encoding="utf-8")
    found = listed(root / "list.csv")
    assert counts(found) == {"Fuß, links": 1, "b": 2}
    assert found.skipped == [("any/none.png", "does not exist")]


LISTS: dict[str, tuple[bytes, str]] = {
    "empty label": (b"path,label\nx/000.png,\n", "Line 2 of .* has no label"),
    "one column": (b"x/000.png\n", "Line 1 of .* has no label"),
    "Latin-1": ("x/000.png,a\nx/001.png,Käfer\n".encode("latin-1"), "not written in UTF-8: line 2 has the byte 0xe4"),
    "outside": (b"../secret.png,a\n", "names ../secret.png, which is not below the list's own folder"),
    "absolute": (b"/etc/secret.png,a\n", "not below the list's own folder"),
    "quotes": (b'x/000.png,"a\n', "is no CSV file"),
    "nothing": (b"", "holds no pictures"),
}


@pytest.mark.parametrize("kind", LISTS)
def test_a_list_that_cannot_be_meant_says_where(kind: str, tmp_path: Path) -> None:
    text, message = LISTS[kind]
    album(tmp_path, {"x": 2})
    (tmp_path / "list.csv").write_bytes(text)
    with pytest.raises(DataError, match=message) as raised:
        listed(tmp_path / "list.csv")
    assert raised.value.remedy


def not_there(path: Path) -> Path:
    return path / "nowhere"


def empty(path: Path) -> Path:
    return path


def no_zip(path: Path) -> Path:
    (path / "a.zip").write_text("no zip")
    return path / "a.zip"


@pytest.mark.parametrize(
    ("source", "message"),
    [(not_there, "does not exist"), (empty, "holds no pictures in folders"), (no_zip, "cannot be used")],
)
def test_a_source_that_is_none_says_what_to_give(source: Callable[[Path], Path], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message) as raised:
        listed(source(tmp_path))
    assert raised.value.remedy


@pytest.mark.parametrize("kind", [kind for kind in HOSTILE if "said to be" not in kind])
def test_no_zip_that_was_made_to_harm_is_listed(kind: str, tmp_path: Path) -> None:
    """Those that lie about an entry's size are found out as it is read, and then it is skipped."""
    make, _ = HOSTILE[kind]
    make(tmp_path / "x.zip")
    with pytest.raises(DataError):
        listed(tmp_path / "x.zip")
