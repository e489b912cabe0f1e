"""Pictures of one's own become a data set, whole or not at all, and the same one from wherever they come."""

import errno
import os
import signal
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

from core.runs.home import PROJECT
from data import import_pictures as importing
from data import picture_set
from data.errors import DataError, InputError
from data.import_pictures import Wanted, import_pictures
from data.language import speaking
from data.picture_set import PictureSet, find, names
from data.places import Folders
from tests.data.photographs import EIGHT, album, content, pixels, zipped
from tests.waiting import wait_until

SMALL = Wanted(side=32)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path / "datasets", tmp_path / "home/cache")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return album(tmp_path / "photos", EIGHT)


def splits(one: PictureSet) -> dict[str, str]:
    return {each.name: each.split for each in one.classes}


def test_a_folder_becomes_a_set_whose_pixels_are_its_pictures(photos: Path, folders: Folders) -> None:
    one = import_pictures("mine", photos, folders, SMALL)
    assert {each.name: each.count for each in one.classes} == EIGHT
    assert one.images().shape == (52, 3, 32, 32)
    for number in (0, 17, 51):
        assert np.array_equal(one.images()[number], pixels(number).transpose(2, 0, 1))
    assert names(folders) == ["mine"]
    assert [len(one.of(split)) for split in picture_set.SHARES] == [4, 2, 2]


def test_several_processes_give_the_same_set_as_one(tmp_path: Path, folders: Folders) -> None:
    photos = album(tmp_path / "many", dict.fromkeys(EIGHT, 9))
    told: list[tuple[float, str]] = []
    two = import_pictures(
        "two", photos, folders, SMALL, processes=2, progress=lambda done, text: told.append((done, text))
    )
    one = import_pictures("one", photos, folders, SMALL, processes=1)
    assert two.hash == one.hash
    assert np.array_equal(two.images(), one.images())
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1][1].startswith("72 of 72 pictures") and "left" in told[-1][1]


def test_the_same_pictures_are_the_same_set_from_a_folder_a_zip_or_a_list(photos: Path, folders: Folders) -> None:
    rows = [f"{file.relative_to(photos)},{file.parent.name}" for file in photos.rglob("*.png")]
    (photos / "list.csv").write_text("\n".join(rows))
    sources = [photos, zipped(photos, photos.parent / "a.zip", "top/"), photos / "list.csv"]
    sets = [import_pictures(f"set{i}", source, folders, SMALL) for i, source in enumerate(sources)]
    assert len({one.hash for one in sets}) == 1
    (photos / "class0/000.png").write_bytes(content(999))
    assert import_pictures("other", photos, folders, SMALL).hash != sets[0].hash


def test_imported_again_it_is_what_was_there(photos: Path, folders: Folders) -> None:
    first = import_pictures("mine", photos, folders, SMALL)
    assert import_pictures("mine", photos, folders, SMALL) == first
    anew = picture_set.resplit(first, picture_set.divided(EIGHT, 5, "classes"), "hand")
    assert splits(anew) != splits(first)
    assert splits(import_pictures("mine", photos, folders, SMALL)) == splits(anew), "edited splits stay"
    assert splits(import_pictures("mine", photos, folders, SMALL, replace=True)) == splits(first)


def test_another_set_takes_the_place_of_one_only_where_that_is_wanted(photos: Path, folders: Folders) -> None:
    first = import_pictures("mine", photos, folders, SMALL)
    other = album(photos.parent / "other", EIGHT, first=500)
    with pytest.raises(InputError, match="called mine already, of other pictures"):
        import_pictures("mine", other, folders, SMALL)
    assert find("mine", folders) == first
    seen = first.images()
    second = import_pictures("mine", other, folders, SMALL, replace=True)
    assert second.hash != first.hash
    assert np.array_equal(seen[0], pixels(0).transpose(2, 0, 1)), "whoever reads the old one keeps it"
    assert [file.name for file in second.folder.glob("*.pixels")] == [second.pixels]


def test_files_that_cannot_be_read_are_skipped_listed_and_counted(photos: Path, folders: Folders) -> None:
    (photos / "class0/broken.png").write_bytes(b"no picture")
    (photos / "class1/cut.jpg").write_bytes(content(1, "JPEG", 200)[:900])
    one = import_pictures("mine", photos, folders, SMALL)
    assert one.skipped == 2
    assert [name for name, _ in one.reasons] == ["class0/broken.png", "class1/cut.jpg"]
    assert {each.name: each.count for each in one.classes} == EIGHT


def test_a_picture_twice_in_a_class_counts_once_and_in_two_classes_is_told(photos: Path, folders: Folders) -> None:
    (photos / "class0/again.png").write_bytes(content(0))
    (photos / "class7/again.png").write_bytes(content(0))
    one = import_pictures("mine", photos, folders, SMALL)
    assert one.reasons == (("class0/again.png", "shows the same as class0/000.png"),)
    assert one.repeated == (("class7/again.png", "class0/000.png"),)
    assert {each.name: each.count for each in one.classes} == EIGHT | {"class7": 11}


def test_what_a_set_keeps_is_english_whoever_imports_it_and_is_read_in_another_language(
    photos: Path, folders: Folders
) -> None:
    (photos / "class0/again.png").write_bytes(content(0))
    (photos / "class0/broken.png").write_bytes(b"no picture")
    with speaking("zh"):
        one = import_pictures("mine", photos, folders, SMALL)
        said = dict(one.reasons_said())
        assert said["class0/again.png"] == "与 class0/000.png 内容相同" and said["class0/broken.png"].startswith("不是")
        assert one.by_said == "按类别，随机种子 0"
    assert one.by == one.by_said == "classes, seed 0" and one.reasons == tuple(one.reasons_said())
    assert dict(one.reasons)["class0/broken.png"].startswith("it is no picture")


def test_grey_pictures_take_one_channel_and_mixed_ones_three(tmp_path: Path, folders: Folders) -> None:
    from PIL import Image

    root = tmp_path / "grey"
    for number, label in enumerate(EIGHT):
        (root / label).mkdir(parents=True)
        for i in range(3):
            Image.fromarray(pixels(10 * number + i)[..., 0]).save(root / label / f"{i}.png")
    one = import_pictures("grey", root, folders, SMALL)
    assert one.channels == 1
    assert np.array_equal(one.images()[4, 0], pixels(11)[..., 0])
    (root / "class0/colour.png").write_bytes(content(77))
    assert import_pictures("mixed", root, folders, SMALL).channels == 3
    assert import_pictures("asked", root, folders, Wanted(side=32, grey=True)).channels == 1


# Splits


def test_splits_are_drawn_from_the_seed(photos: Path, folders: Folders) -> None:
    found = [
        splits(import_pictures(f"s{i}", photos, folders, Wanted(32, seed=seed))) for i, seed in enumerate((0, 0, 1))
    ]
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(
    ("classes", "expected"), [(6, [2, 2, 2]), (8, [4, 2, 2]), (15, [5, 5, 5]), (20, [10, 5, 5]), (100, [64, 16, 20])]
)
def test_of_few_classes_each_split_has_enough_for_a_task_of_five_where_that_can_be(
    classes: int, expected: list[int]
) -> None:
    found = list(picture_set.divided([f"c{i}" for i in range(classes)], 0, "classes").values())
    assert [found.count(split) for split in picture_set.SHARES] == expected


def test_super_classes_stay_together(tmp_path: Path, folders: Folders) -> None:
    counts = {f"{group}/{kind}": 3 for group in ("cats", "dogs", "birds", "fish") for kind in "abcd"}
    one = import_pictures("mine", album(tmp_path / "a", counts), folders, Wanted(32, how="superclasses"))
    by_group: dict[str, set[str]] = {}
    for each in one.classes:
        by_group.setdefault(each.superclass, set()).add(each.split)
    assert all(len(found) == 1 for found in by_group.values())
    assert {split for found in by_group.values() for split in found} == {"train", "val", "test"}
    with pytest.raises(DataError, match="lie in 1 folder"):
        import_pictures("flat", album(tmp_path / "b", EIGHT), folders, Wanted(32, how="superclasses"))


def test_a_list_of_splits_is_kept_to_and_has_to_be_whole(photos: Path, folders: Folders) -> None:
    given = {name: ("train", "train", "val", "val", "test", "test", "test", "test")[i] for i, name in enumerate(EIGHT)}
    assert splits(import_pictures("mine", photos, folders, Wanted(32, splits=given))) == given
    with pytest.raises(InputError, match=r"for the class class7\. There are no classes klass7"):
        import_pictures(
            "b",
            photos,
            folders,
            Wanted(32, splits={**{k: v for k, v in given.items() if k != "class7"}, "klass7": "val"}),
        )
    with pytest.raises(InputError, match="No classes would be in val"):
        import_pictures("c", photos, folders, Wanted(32, splits=dict.fromkeys(EIGHT, "train")))


def test_folders_say_the_splits(tmp_path: Path, folders: Folders) -> None:
    labels = [f"{split}/{split}{i}" for split in ("train", "val", "test") for i in range(2)]
    one = import_pictures("mine", album(tmp_path / "a", dict.fromkeys(labels, 2)), folders, SMALL)
    assert splits(one) == {f"{split}{i}": split for split in ("train", "val", "test") for i in range(2)}
    assert one.by == "the folders train, val and test"


def test_splits_can_be_edited_and_the_pixels_stay(photos: Path, folders: Folders) -> None:
    one = import_pictures("mine", photos, folders, SMALL)
    swapped = {name: {"val": "test", "test": "val"}.get(split, split) for name, split in splits(one).items()}
    picture_set.resplit(one, swapped, "hand")
    again = find("mine", folders)
    assert (splits(again), again.hash, again.by) == (swapped, one.hash, "hand")
    with pytest.raises(InputError, match="1 class would be in val"):
        picture_set.resplit(
            again, swapped | {next(name for name, split in swapped.items() if split == "val"): "train"}, "hand"
        )
    assert splits(find("mine", folders)) == swapped


# What goes wrong


@pytest.mark.parametrize("count", [1, 5])
def test_too_few_classes_are_refused_before_any_is_read(count: int, tmp_path: Path, folders: Folders) -> None:
    photos = album(tmp_path / "a", {f"c{i}": 2 for i in range(count)})
    with pytest.raises(DataError, match=("one class" if count == 1 else "5 classes") + ", and a data set needs 6"):
        import_pictures("mine", photos, folders, SMALL)
    assert not folders.datasets.exists()


def test_too_few_classes_with_a_picture_that_can_be_read(photos: Path, folders: Folders) -> None:
    for label in ("class0", "class1", "class2"):
        for file in (photos / label).iterdir():
            file.write_bytes(b"damaged")
    with pytest.raises(DataError, match="Only 5 classes have a picture that can be read"):
        import_pictures("mine", photos, folders, SMALL)
    assert list((folders.datasets / "pictures").iterdir()) == [], "nothing is left behind"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "a b", "x" * 61, "\0"])
def test_a_name_that_is_no_folders_is_refused(name: str, photos: Path, folders: Folders) -> None:
    with pytest.raises(InputError, match="cannot be the name of a data set"):
        import_pictures(name, photos, folders, SMALL)
    with pytest.raises(DataError):
        find(name, folders)


@pytest.mark.parametrize("side", [27, 225])
def test_a_side_out_of_range_is_refused(side: int, photos: Path, folders: Folders) -> None:
    with pytest.raises(InputError, match="Choose 28 to 224"):
        import_pictures("mine", photos, folders, Wanted(side))


def test_no_room_is_said_before_anything_is_read(photos: Path, folders: Folders, monkeypatch) -> None:
    usage = namedtuple("usage", "free")(10_000_000)
    monkeypatch.setattr(importing.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DataError, match=r"take up to 0 MiB, and .* has 0 free\. Free some space"):
        import_pictures("mine", photos, folders, SMALL)


def test_a_disk_that_fills_up_leaves_what_was_there(photos: Path, folders: Folders, monkeypatch) -> None:
    first = import_pictures("mine", photos, folders, SMALL)
    monkeypatch.setattr(
        importing.Made, "_take", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left"))
    )
    other = album(photos.parent / "other", EIGHT, first=500)
    with pytest.raises(DataError, match=r"No space left\. Free some space"):
        import_pictures("mine", other, folders, SMALL, replace=True)
    assert find("mine", folders) == first
    assert sorted(file.name for file in first.folder.iterdir()) == sorted([first.pixels, "set.json"])


def test_cancelled_it_leaves_what_was_there(photos: Path, folders: Folders) -> None:
    def cancel(done: float, _: str) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_pictures("mine", photos, folders, SMALL, progress=cancel)
    assert names(folders) == []
    assert list((folders.datasets / "pictures").iterdir()) == []


ENDLESS = """
import sys, time
from pathlib import Path
from data.import_pictures import Wanted, import_pictures
from data.language import speaking
from data.places import Folders
def wait(done, text):
    if done:
        print("reading", flush=True)
        time.sleep(600)
import_pictures("mine", Path(sys.argv[1]), Folders(Path(sys.argv[2]), Path(sys.argv[3])), Wanted(32), replace=True, progress=wait)
"""


def test_killed_it_leaves_what_was_there_and_the_next_one_clears_up(photos: Path, folders: Folders) -> None:
    first = import_pictures("mine", photos, folders, SMALL)
    other = album(photos.parent / "other", EIGHT, first=500)
    command = [sys.executable, "-c", ENDLESS, str(other), str(folders.datasets), str(folders.cache)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "reading\n"
        with pytest.raises(InputError, match="mine is just being imported"):
            import_pictures("mine", other, folders, SMALL, replace=True)
        process.send_signal(signal.SIGKILL)
    assert find("mine", folders) == first
    assert len(list(first.folder.glob(".*.part"))) == 1
    assert np.array_equal(find("mine", folders).images()[0], pixels(0).transpose(2, 0, 1))
    import_pictures("another", other, folders, SMALL)
    assert list(first.folder.glob(".*.part")) == []


def test_where_data_sets_are_read_only_one_goes_to_the_home(photos: Path, folders: Folders, monkeypatch) -> None:
    folders.datasets.mkdir()
    monkeypatch.setattr(picture_set.os, "access", lambda path, _: path != folders.datasets)
    one = import_pictures("mine", photos, folders, SMALL)
    assert one.folder == folders.own / "pictures/mine"
    assert find("mine", folders) == one


def test_removed_it_is_gone(photos: Path, folders: Folders) -> None:
    one = import_pictures("mine", photos, folders, SMALL)
    picture_set.remove("mine", folders)
    assert not one.folder.exists()
    with pytest.raises(DataError, match=r"no data set of your own called mine\. Import one with"):
        find("mine", folders)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": 99}', "\xff"])
def test_a_description_that_cannot_be_read_is_said(text: str, photos: Path, folders: Folders) -> None:
    one = import_pictures("mine", photos, folders, SMALL)
    (one.folder / "set.json").write_text(text, encoding="latin-1")
    with pytest.raises(DataError, match="Import the pictures again"):
        find("mine", folders)


def test_pixels_that_are_cut_off_are_said(photos: Path, folders: Folders) -> None:
    one = import_pictures("mine", photos, folders, SMALL)
    os.truncate(one.folder / one.pixels, 100)
    with pytest.raises(DataError, match=r"missing or damaged\. Import mine again"):
        one.images()


def test_processes_end_with_whoever_imports(tmp_path: Path, folders: Folders) -> None:
    import psutil

    photos = album(tmp_path / "many", dict.fromkeys(EIGHT, 40))
    code = ENDLESS.replace('import_pictures("', "if __name__ == '__main__':\n  import_pictures(\"").replace(
        "replace=True", "processes=2"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    command = [sys.executable, str(script), str(photos), str(folders.datasets), str(folders.cache)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "reading\n"
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 2
        process.send_signal(signal.SIGKILL)
    wait_until(lambda: not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children))
