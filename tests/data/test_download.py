"""Downloads from a server on this machine: whole, cut off and continued, wrong, refused."""

import hashlib
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from data.download import fetch
from data.errors import DataError
from data.omniglot import Omniglot

CONTENT = {name: name.encode() * 40_000 for name in ("images_background.zip", "images_evaluation.zip")}
MD5 = {name: hashlib.md5(content).hexdigest() for name, content in CONTENT.items()}
ONE = {"images_background.zip": MD5["images_background.zip"]}


class Server(ThreadingHTTPServer):
    """Serves CONTENT. ``cuts``: how many answers break off half-way. ``ranges``: whether parts can be asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.cuts, self.ranges = 0, True
        self.asked: list[tuple[str, str | None]] = []  # file, Range header

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/python/"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name, wanted = self.path.removeprefix("/python/"), self.headers.get("Range")
        self.server.asked.append((name, wanted))
        if name not in CONTENT:
            self.send_error(404)
            return
        whole, start = CONTENT[name], 0
        if wanted and self.server.ranges:
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])
        if start >= len(whole):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(whole) - 1}/{len(whole)}")
        self.send_header("Content-Length", str(len(whole) - start))
        self.end_headers()
        stop = len(whole)
        if self.server.cuts:
            self.server.cuts -= 1
            stop = (start + len(whole)) // 2
        self.wfile.write(whole[start:stop])

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def quiet(fraction: float, text: str) -> None:
    """Progress that nobody watches."""


def test_files_arrive_whole_and_progress_reaches_one(server: Server, tmp_path: Path) -> None:
    heard: list[tuple[float, str]] = []
    fetch(tmp_path, server.address, MD5, lambda fraction, text: heard.append((fraction, text)), retries=0)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == CONTENT
    fractions = [fraction for fraction, _ in heard]
    assert fractions == sorted(fractions) and 0 < fractions[0] < 0.5 and fractions[-1] == 1.0
    assert heard[0][1] == "Downloading images_background.zip"


def test_a_cut_download_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    server.cuts = 1
    with pytest.raises(DataError, match="could not be downloaded") as caught:
        fetch(tmp_path, server.address, ONE, quiet, retries=0)
    assert "try again" in caught.value.remedy and str(tmp_path) in caught.value.remedy
    (part,) = tmp_path.iterdir()
    have = part.stat().st_size
    assert part.name == "images_background.zip.part"
    assert 0.4 < have / len(CONTENT["images_background.zip"]) <= 0.5  # half of it, in whole blocks
    heard: list[float] = []
    fetch(tmp_path, server.address, ONE, lambda fraction, _: heard.append(fraction), retries=0)
    assert server.asked == [("images_background.zip", None), ("images_background.zip", f"bytes={have}-")]
    assert heard[0] > 0.4
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "images_background.zip": CONTENT["images_background.zip"]
    }


def test_a_broken_connection_is_tried_again_by_itself(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pooch.core.time.sleep", lambda _: None)  # pooch waits between attempts
    server.cuts = 2
    fetch(tmp_path, server.address, ONE, quiet, retries=2)
    assert (tmp_path / "images_background.zip").read_bytes() == CONTENT["images_background.zip"]
    assert len(server.asked) == 3


def test_a_server_without_ranges_sends_the_whole_again(server: Server, tmp_path: Path) -> None:
    server.ranges = False
    (tmp_path / "images_background.zip.part").write_bytes(CONTENT["images_background.zip"][:1000])
    fetch(tmp_path, server.address, ONE, quiet, retries=0)
    assert (tmp_path / "images_background.zip").read_bytes() == CONTENT["images_background.zip"]


def test_a_complete_part_is_taken_as_it_is(server: Server, tmp_path: Path) -> None:
    (tmp_path / "images_background.zip.part").write_bytes(CONTENT["images_background.zip"])
    fetch(tmp_path, server.address, ONE, quiet, retries=0)
    assert [path.name for path in tmp_path.iterdir()] == ["images_background.zip"]


def test_a_foreign_part_is_dropped_and_fetched_anew(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pooch.core.time.sleep", lambda _: None)
    (tmp_path / "images_background.zip.part").write_bytes(b"something else")
    fetch(tmp_path, server.address, ONE, quiet, retries=1)
    assert (tmp_path / "images_background.zip").read_bytes() == CONTENT["images_background.zip"]


def test_a_wrong_md5_leaves_nothing_behind(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="its MD5 is not 0123"):
        fetch(tmp_path, server.address, {"images_background.zip": "0123" * 8}, quiet, retries=0)
    assert list(tmp_path.iterdir()) == []


def test_a_file_the_server_does_not_have(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="404"):
        fetch(tmp_path, server.address, {"nothing.zip": "0" * 32}, quiet, retries=0)


def test_without_a_network_the_remedy_names_address_and_folder(server: Server, tmp_path: Path) -> None:
    server.socket.close()  # nobody listens any more
    with pytest.raises(DataError, match="could not be downloaded") as caught:
        fetch(tmp_path, server.address, ONE, quiet, retries=0)
    assert "network" in caught.value.remedy
    assert f"{server.address}images_background.zip by hand into {tmp_path}" in caught.value.remedy


def test_a_folder_that_cannot_be_written_to(server: Server, tmp_path: Path) -> None:
    (tmp_path / "datasets").write_text("a file where the folder should be")
    with pytest.raises(DataError, match="could not be written") as caught:
        fetch(tmp_path / "datasets" / "omniglot", server.address, ONE, quiet, retries=0)
    assert "INNERLOOP_DATASETS" in caught.value.remedy
    assert server.asked == []


def test_omniglot_fetches_only_what_is_missing(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Omniglot, "address", server.address)
    monkeypatch.setattr(Omniglot, "checksums", MD5)
    folder = tmp_path / "omniglot"
    folder.mkdir()
    (folder / "images_background.zip").write_bytes(b"repacked by its owner")
    assert Omniglot.missing(tmp_path) == [folder / "images_evaluation.zip"]
    Omniglot.download(tmp_path, quiet)
    assert server.asked == [("images_evaluation.zip", None)]
    assert (folder / "images_background.zip").read_bytes() == b"repacked by its owner"
    assert Omniglot.missing(tmp_path) == []
