"""Zips of pictures that somebody else packed: the good are read, and of the others none costs more than a sentence."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from data import archive
from data.archive import Limits, decode, opened, short
from data.errors import DataError
from tests.data.hostile_zips import HOSTILE, entry, png, read

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name in ("birds/owl/1.png", "birds/owl/2.png", "birds/wren/Große Maße.png"):
            file.writestr(name, png(30, 20))
        file.mkdir("birds/empty")
    return path


def test_pictures_are_read_by_their_names(good: Path) -> None:
    with opened(good) as birds:
        assert birds.names == ["birds/owl/1.png", "birds/owl/2.png", "birds/wren/Große Maße.png"]
        assert {birds.picture(name).size for name in birds.names} == {(30, 20)}
        assert birds.read("birds/owl/1.png") == png(30, 20)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_or_broken_one_is_an_error_of_one_sentence(kind: str, tmp_path: Path) -> None:
    make, said = HOSTILE[kind]
    path = tmp_path / "hostile.zip"
    make(path)
    with pytest.raises(DataError) as caught:
        read(path)
    error = caught.value
    assert said in error.message
    assert error.message.startswith(f"{path} cannot be used: ") and error.message.endswith(".")
    assert "\n" not in error.message and len(error.message) < len(str(path)) + 200
    assert (error.path, error.remedy) == (str(path), "Pack it anew.")


def test_none_of_them_takes_memory_or_disk(good: Path, tmp_path: Path) -> None:
    """In a process of its own: 20 zips, of which one alone would unpack to 3 GB."""
    paths = []
    for i, (make, _) in enumerate(HOSTILE.values()):
        paths.append(tmp_path / f"{i}.zip")
        make(paths[-1])
        assert paths[-1].stat().st_blocks * 512 < 20_000_000
    command = [sys.executable, "-m", "tests.data.hostile_zips", str(good), *map(str, paths)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=300, env={**os.environ})
    assert done.returncode == 0, done.stderr
    *refused, grown = done.stdout.splitlines()
    assert refused == [str(path) for path in paths]
    assert int(grown.removesuffix(" kB")) < 150_000


def test_an_entry_that_says_less_than_it_holds_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the stated size not to be trusted at all, the limit on what is read would still hold."""
    path = tmp_path / "grows.zip"
    entry(path, "a.png", png(100, 100))
    with opened(path, Limits(entry=10_000)) as one:
        monkeypatch.setattr(one, "limits", Limits(entry=50))
        with pytest.raises(ValueError, match="unpacks to more than"):
            one.read("a.png")


def test_all_entries_together_have_a_limit_too(good: Path) -> None:
    with pytest.raises(DataError, match="it unpacks to"), opened(good, Limits(total=100)):
        pass


def test_two_entries_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "twice.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.png", png(1, 1))
        with pytest.warns(UserWarning):
            file.writestr("a.png", png(2, 2))
    with pytest.raises(DataError, match="two entries of one name"):
        read(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_zip_that_may_not_be_read_says_so(good: Path) -> None:
    good.chmod(0)
    with pytest.raises(DataError, match="cannot be read"):
        read(good)


def test_names_are_repeated_briefly_and_printably() -> None:
    assert short("birds/owl.png") == "birds/owl.png"
    assert short("a\n\x1b[31mb") == "a\\n\\x1b[31mb"
    assert len(short("x" * 60_000)) == archive.SHORT


def test_only_the_formats_that_are_named_are_tried() -> None:
    assert decode(png(3, 2), ("PNG",)).size == (3, 2)
    with pytest.raises(ValueError, match=r"no picture \(JPEG\)"):
        decode(png(3, 2), ("JPEG",))
