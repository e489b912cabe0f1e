"""An import by another process, as a page has it: told how far it is, ended when nobody wants it, nothing left behind."""

import io
import zipfile
from pathlib import Path

import pytest

from core import import_job
from core.import_job import ImportJob, received
from core.runs.home import Home
from data.errors import DataError, InputError
from data.picture_set import find, names
from tests.data.photographs import EIGHT, album, content, zipped
from tests.waiting import wait_until

WANTED = {"side": 32}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name in ("INNERLOOP_DATASETS", "INNERLOOP_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    return Home.find(tmp_path / "home")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return album(tmp_path / "photos", EIGHT)


def test_what_was_sent_is_imported_and_then_deleted(home: Home, photos: Path) -> None:
    path = zipped(photos, photos.parent / "a.zip")
    source = received(home, [("a.zip", path.open("rb"))])
    job = ImportJob(home, "mine", source, WANTED, replace=False, called="an upload", uploaded=True)
    job.wait()
    assert (job.error, job.going_on) == (None, False)
    assert job.found == {"count": 52, "classes": 8, "skipped": 0}
    assert find("mine", home.folders).source == "an upload"
    assert list((home.root / "uploads").iterdir()) == []


def test_what_is_wrong_with_it_is_said_as_elsewhere(home: Home, tmp_path: Path) -> None:
    job = ImportJob(home, "mine", album(tmp_path / "a", {"x": 1}), WANTED, replace=False)
    job.wait()
    assert "has one class, and a data set needs 6" in job.error.message
    assert job.error.remedy


def test_cancelled_it_ends_with_its_processes_and_leaves_nothing(home: Home, tmp_path: Path) -> None:
    photos = album(tmp_path / "many", dict.fromkeys(EIGHT, 150))
    job = ImportJob(home, "mine", photos, {"side": 224}, replace=False)
    wait_until(lambda: job.progress()[0] > 0, timeout=60)
    assert "left" in job.progress()[1]
    job.cancel()
    assert (job.going_on, job.error, job.found) == (False, None, None)
    assert names(home.folders) == []


def test_a_folder_that_was_sent_is_kept_under_its_names(home: Home) -> None:
    folder = received(
        home, [("birds/finch/1.png", io.BytesIO(content(1))), ("birds/owl/1.png", io.BytesIO(content(2)))]
    )
    assert sorted(str(file.relative_to(folder)) for file in folder.rglob("*.png")) == [
        "birds/finch/1.png",
        "birds/owl/1.png",
    ]


@pytest.mark.parametrize("name", ["../x.png", "/etc/x.png", "a\\..\\..\\x.png", "a\0.png", "", "a/" * 17 + "x.png"])
def test_a_name_that_leads_elsewhere_is_refused_and_nothing_kept(name: str, home: Home) -> None:
    with pytest.raises(InputError, match="none of a file in a folder"):
        received(home, [("a/ok.png", io.BytesIO(b"x")), (name, io.BytesIO(b"x"))])
    assert list((home.root / "uploads").iterdir()) == []


def test_too_much_is_refused_and_nothing_kept(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_job, "UPLOADED", 10)
    with pytest.raises(InputError, match="were sent"):
        received(home, [("a/1.png", io.BytesIO(bytes(6))), ("a/2.png", io.BytesIO(bytes(6)))])
    monkeypatch.setattr(import_job, "MOST_UPLOADED", 1)
    with pytest.raises(InputError, match="2 files were sent, and 1 are the most"):
        received(home, [("a/1.png", io.BytesIO(b"")), ("a/2.png", io.BytesIO(b""))])
    assert list((home.root / "uploads").iterdir()) == []


def test_two_files_of_one_name_are_no_crash(home: Home) -> None:
    with pytest.raises(DataError, match="cannot be kept"):
        received(home, [("a/1.png", io.BytesIO(b"")), ("a/1.png", io.BytesIO(b""))])


def test_a_zip_that_leads_out_of_it_is_refused(home: Home, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("../x.png", content(1))
    job = ImportJob(home, "mine", tmp_path / "a.zip", WANTED, replace=False)
    job.wait()
    assert "names a place outside of the archive" in job.error.message
