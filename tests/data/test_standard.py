"""The standard sets, from files of the right layouts with few pictures: the right pictures in the right splits."""

import io
import os
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from data import arrays, cifar_fs, mini_imagenet, standard
from data.cifar_fs import ARCHIVE, CifarFS, CifarFSConfig
from data.errors import DataError
from data.family import SPLITS, EpisodeShape
from data.mini_imagenet import MiniImageNet, MiniImageNetConfig
from data.places import Folders
from data.standard import Standard

EACH = 3  # pictures of a class in these files
SHARED = Path(__file__).parents[3] / "shared/datasets"


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    for module in (standard, mini_imagenet, cifar_fs):
        monkeypatch.setattr(module, "EACH", EACH)
    return Folders(tmp_path / "datasets", tmp_path / "cache")


def mark(number: int, side: int) -> np.ndarray:
    """A picture that says its number in its first pixels, uint8 (side, side, 3)."""
    image = np.full((side, side, 3), 128, np.uint8)
    image[:8, :8] = number // 256, number % 256, 0
    return image


def all_names(kind: type[Standard]) -> list[str]:
    return [name for split in SPLITS for name in kind.splits()[split]]


def pickles(root: Path) -> None:
    for split in SPLITS:
        names = MiniImageNet.splits()[split]
        numbers = {name: all_names(MiniImageNet).index(name) * EACH for name in names}
        images = np.stack([mark(numbers[name] + i, 84) for name in names for i in range(EACH)])
        rows = {name: list(range(place * EACH, place * EACH + EACH)) for place, name in enumerate(names)}
        with (root / f"mini-imagenet-cache-{split}.pkl").open("wb") as file:
            pickle.dump({"image_data": images, "class_dict": rows}, file, protocol=2)


def save(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mark(number, 84)).save(path, "PNG")


def lists(root: Path) -> None:
    for split in SPLITS:
        rows = []
        for name in MiniImageNet.splits()[split]:
            for i in range(EACH):
                file = f"{name}{i:08}.png"
                save(root / "images" / file, all_names(MiniImageNet).index(name) * EACH + i)
                rows.append(f"{file},{name}")
        (root / f"{split}.csv").write_text("\n".join(["filename,label", *rows]))


def class_folders(root: Path) -> None:
    for number, name in enumerate(all_names(MiniImageNet)):
        for i in range(EACH):
            save(root / "train" / name / f"{i}.png", number * EACH + i)


def archive(root: Path) -> None:
    """As the official one, with the labels in another order than the splits have."""
    names = sorted(all_names(CifarFS))
    labels = [label for _ in range(EACH) for label in range(100)]
    images = np.stack(
        [mark(all_names(CifarFS).index(names[label]) * EACH + i // 100, 32) for i, label in enumerate(labels)]
    )
    rows = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    parts = {
        "train": {b"data": rows[:200], b"fine_labels": labels[:200]},
        "test": {b"data": rows[200:], b"fine_labels": labels[200:]},
        "meta": {b"fine_label_names": [name.encode() for name in names]},
    }
    with tarfile.open(root / ARCHIVE, "w:gz") as file:
        for name, value in parts.items():
            content = pickle.dumps(value, protocol=2)
            info = tarfile.TarInfo(f"cifar-100-python/{name}")
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))


LAYOUTS: dict[str, tuple[type[Standard], type, Callable[[Path], None]]] = {
    "pickles": (MiniImageNet, MiniImageNetConfig, pickles),
    "lists": (MiniImageNet, MiniImageNetConfig, lists),
    "folders": (MiniImageNet, MiniImageNetConfig, class_folders),
    "archive": (CifarFS, CifarFSConfig, archive),
}


@pytest.fixture(params=LAYOUTS)
def family(request: pytest.FixtureRequest, folders: Folders) -> Standard:
    kind, config, make = LAYOUTS[request.param]
    assert kind.missing(folders.datasets)
    root = folders.datasets / config().name
    root.mkdir(parents=True)
    make(root)
    assert kind.missing(folders.datasets) == []
    return kind(config(), datasets=folders.datasets, cache=folders.cache)


def test_each_split_has_its_own_classes_in_order_from_every_layout(family: Standard) -> None:
    names = all_names(type(family))
    for split in SPLITS:
        pool = family.pool(split)
        first = names.index(family.names(split)[0])
        numbers = pool.images[:, 0, 2, 2].long() * 256 + pool.images[:, 1, 2, 2]
        assert numbers.tolist() == list(range(first * EACH, (first + len(pool.counts)) * EACH))
        assert pool.counts.tolist() == [EACH] * len(family.splits()[split])
    task = family.sample("test", EpisodeShape(5, 1, 2), 2, torch.Generator().manual_seed(0))
    assert task.support_x.shape == (2, 5, *family.input_spec.shape)


def test_the_second_start_reads_what_the_first_has_decoded(family: Standard, monkeypatch: pytest.MonkeyPatch) -> None:
    first = family.pool("val").images
    monkeypatch.setattr(type(family), "pictures_of", None)
    again = type(family)(family.config, datasets=family.datasets, cache=family.cache)
    assert torch.equal(again.pool("val").images, first)


def test_splits_are_disjoint_and_those_that_were_published() -> None:
    for kind in (MiniImageNet, CifarFS):
        names = all_names(kind)
        assert len(set(names)) == 100
        assert [len(kind.splits()[split]) for split in SPLITS] == [64, 16, 20]
    if not (SHARED / "mini_imagenet").is_dir():
        pytest.skip(f"{SHARED} is not there")
    for split in SPLITS:
        published = (SHARED / f"mini_imagenet/classes_{split}.txt").read_text().split()
        assert MiniImageNet.splits()[split] == published


def test_without_files_it_says_where_they_go(folders: Folders) -> None:
    mini = MiniImageNet(MiniImageNetConfig(), datasets=folders.datasets, cache=folders.cache)
    with pytest.raises(DataError, match=r"mini_imagenet is missing\. ImageNet may not be passed on"):
        mini.pool("train")
    with pytest.raises(DataError, match="cannot be downloaded for you"):
        MiniImageNet.download(folders.datasets, lambda *_: None)


def test_cifar_comes_from_its_official_address_with_its_checksum(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(cifar_fs, "fetch", lambda *arguments: asked.append(arguments[:3]))
    CifarFS.download(folders.datasets, lambda *_: None)
    files = {"cifar-100-python.tar.gz": "eb9058c3a382ffc7106e4002c42a8d85"}
    assert asked == [(folders.datasets / "cifar_fs", "https://www.cs.toronto.edu/~kriz/", files)]


# Damaged and hostile files


class Evil:
    def __init__(self, call: Callable, *arguments: object):
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple:
        return self.call, self.arguments


@pytest.mark.parametrize(
    "value",
    [
        Evil(os.system, "touch {}"), Evil(eval, "1"), Evil(np.ndarray, (10**9,)), Evil(np.load, "{}"),
        Evil(Path, "x"), {"image_data": Evil(bytearray, 10**12)},
    ],
    ids=["system", "eval", "memory", "load", "path", "within"],
)  # fmt: skip
def test_nothing_in_a_pickle_is_ever_called(value: object, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    if isinstance(value, Evil):
        value.arguments = tuple(str(each).format(mark) if isinstance(each, str) else each for each in value.arguments)
    for protocol in (2, 4):
        with pytest.raises(DataError, match=r"only arrays are read|calls numpy\.ndarray"):
            arrays.unpickled(io.BytesIO(pickle.dumps(value, protocol)), Path("x.pkl"), "latin1", "Get it anew.")
    assert not mark.exists()


def test_arrays_of_both_pythons_are_read() -> None:
    array = np.arange(12, dtype=np.uint8).reshape(3, 4)
    for protocol in (0, 2, 4, 5):
        found = arrays.unpickled(io.BytesIO(pickle.dumps({"a": array, "b": [1]}, protocol)), Path("x"), "latin1", "")
        assert np.array_equal(found["a"], array)
    # As Python 2 writes it, with the bytes as a text of Latin-1.
    old = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I3\ntcnumpy\ndtype\n(S'u1'\nI0\nI1\ntR"
        b"(I3\nS'|'\nNNNI-1\nI-1\nI0\ntbI00\nS'\\xff\\x00A'\ntb."
    )
    assert arrays.unpickled(io.BytesIO(old), Path("x"), "latin1", "").tolist() == [255, 0, 65]


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps({"image_data": 1}), pickle.dumps([1])])
def test_a_pickle_of_something_else_is_refused_in_a_sentence(content: bytes, folders: Folders) -> None:
    root = folders.datasets / "mini_imagenet"
    root.mkdir(parents=True)
    pickles(root)
    (root / "mini-imagenet-cache-val.pkl").write_bytes(content)
    mini = MiniImageNet(MiniImageNetConfig(), datasets=folders.datasets, cache=folders.cache)
    with pytest.raises(DataError, match=r"mini-imagenet-cache-val\.pkl .*ImageNet may not be passed on"):
        mini.pool("train")
    assert [file for file in folders.cache.iterdir() if file.suffix == ".pixels"] == []


def test_a_folder_of_all_of_imagenet_is_refused(folders: Folders) -> None:
    root = folders.datasets / "mini_imagenet"
    class_folders(root)
    save(root / "train/n01532829/more.png", 1)
    mini = MiniImageNet(MiniImageNetConfig(), datasets=folders.datasets, cache=folders.cache)
    with pytest.raises(DataError, match=r"n01532829 of mini-ImageNet has 4 pictures in .* instead of 3"):
        mini.pool("train")
    (root / "train/n01532829").rename(root / "train/away")
    mini = MiniImageNet(MiniImageNetConfig(), datasets=folders.datasets, cache=folders.cache)
    with pytest.raises(DataError, match="lacks 1 classes of mini-ImageNet, n01532829 among them"):
        mini.pool("train")


def test_a_list_cannot_lead_out_of_its_folder(folders: Folders) -> None:
    root = folders.datasets / "mini_imagenet"
    root.mkdir(parents=True)
    lists(root)
    (root / "val.csv").write_text("filename,label\n../../secret.png,n01855672\n")
    mini = MiniImageNet(MiniImageNetConfig(), datasets=folders.datasets, cache=folders.cache)
    with pytest.raises(DataError, match="a line without a file's name and a class"):
        mini.pool("train")


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_an_archive_that_is_damaged_is_refused_in_a_sentence(content: bytes | None, folders: Folders) -> None:
    root = folders.datasets / "cifar_fs"
    root.mkdir(parents=True)
    archive(root)
    (root / ARCHIVE).write_bytes((root / ARCHIVE).read_bytes()[:2000] if content is None else content)
    family = CifarFS(CifarFSConfig(), datasets=folders.datasets, cache=folders.cache)
    with pytest.raises(DataError, match="Delete it and download CIFAR-FS again"):
        family.pool("train")


def test_an_archive_that_lacks_an_entry_is_refused(folders: Folders) -> None:
    root = folders.datasets / "cifar_fs"
    root.mkdir(parents=True)
    with tarfile.open(root / ARCHIVE, "w:gz"):
        pass
    family = CifarFS(CifarFSConfig(), datasets=folders.datasets, cache=folders.cache)
    with pytest.raises(DataError, match="it lacks cifar-100-python/train"):
        family.pool("train")
