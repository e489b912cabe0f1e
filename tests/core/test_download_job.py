"""A download behind a page's back: it ends, fails or is cancelled, and the next one waits until it has."""

import threading
from pathlib import Path

import pytest

from core.download_job import DownloadJob
from data.errors import DataError
from data.omniglot import Omniglot
from tests.waiting import wait_until


def test_it_tells_how_far_it_is_and_ends(monkeypatch, tmp_path: Path) -> None:
    go_on = threading.Event()

    def download(datasets: Path, progress) -> None:
        progress(0.25, "Downloading a.zip")
        go_on.wait(60)
        (datasets / "a.zip").write_text("all of it")

    monkeypatch.setattr(Omniglot, "download", download)
    job = DownloadJob(Omniglot, tmp_path)
    wait_until(lambda: job.progress() == (0.25, "Downloading a.zip"))
    assert job.going_on and job.name == "Omniglot"
    go_on.set()
    job.wait()
    assert not job.going_on and job.error is None and (tmp_path / "a.zip").exists()


def test_cancelled_it_ends_with_the_next_block_and_the_next_one_waits_for_that(monkeypatch, tmp_path: Path) -> None:
    go_on, at_once = threading.Event(), []

    def download(_: Path, progress) -> None:
        at_once.append(len(at_once))
        progress(0.5, "Downloading")
        go_on.wait(60)
        progress(0.6, "Downloading")
        at_once.append("through")

    monkeypatch.setattr(Omniglot, "download", download)
    first = DownloadJob(Omniglot, tmp_path)
    wait_until(lambda: first.progress()[0] == 0.5)
    first.cancel()
    second = DownloadJob(Omniglot, tmp_path)
    assert first.going_on and at_once == [0] and second.progress()[0] == 0.0
    go_on.set()
    second.wait()
    assert at_once == [0, 1, "through"] and first.error is None and second.error is None and not first.going_on


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (DataError("The network is down.", "Try again."), "The network is down. Try again."),
        (RuntimeError("x"), "Omniglot could not be downloaded (RuntimeError('x')). The server's log tells more."),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_went_wrong_is_told(monkeypatch, tmp_path: Path, raised: Exception, said: str) -> None:
    def download(*_: object) -> None:
        raise raised

    monkeypatch.setattr(Omniglot, "download", download)
    job = DownloadJob(Omniglot, tmp_path)
    job.wait()
    assert str(job.error) == said
