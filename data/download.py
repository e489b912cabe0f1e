"""Fetching a data set's files: checked by MD5, tried again, and continued where an earlier attempt was cut off.

What it takes is imported when something is fetched: a tenth of a second that workers do without.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from data.errors import DataError
from data.family import OnProgress
from data.language import tr

if TYPE_CHECKING:
    import pooch
    import requests

TIMEOUT = 30.0  # seconds without a byte
BLOCK = 1 << 16  # bytes


def fetch(folder: Path, address: str, files: dict[str, str], progress: OnProgress, *, retries: int = 3) -> None:
    """Download ``files`` (name → MD5) from ``address``, which ends in a slash, into ``folder``.

    A file appears under its name only once it is whole and its MD5 is right; until then it is ``NAME.part``, and the next
    call goes on from there. Raises DataError that says what to do.
    """
    import pooch
    import requests

    registry = {name: f"md5:{md5}" for name, md5 in files.items()}
    source = pooch.create(folder, address, registry=registry, retry_if_failed=retries)
    # Pooch announces every file as a warning on stderr; progress() already tells.
    pooch.get_logger().setLevel(logging.ERROR)
    by_hand = tr(
        "Or download {files} by hand into {folder}.",
        files=tr(" and ").join(address + name for name in files),
        folder=folder,
    )
    for i, name in enumerate(files):

        def report(fraction: float, i: int = i, name: str = name) -> None:
            progress((i + fraction) / len(files), tr("Downloading {name}", name=name))

        try:
            source.fetch(name, downloader=Resuming(folder / f"{name}.part", report))
        except requests.RequestException as error:
            remedy = tr(
                "Check the network connection and try again: what has arrived is kept. {by_hand}", by_hand=by_hand
            )
            raise DataError(
                tr("{file} could not be downloaded ({error}).", file=address + name, error=error), remedy, str(folder)
            ) from error
        except ValueError as error:  # pooch's word for a wrong hash
            message = tr("{file} arrived, but its MD5 is not {md5}.", file=address + name, md5=files[name])
            raise DataError(message, tr("Try again later. {by_hand}", by_hand=by_hand), str(folder)) from error
        except OSError as error:
            message = tr(
                "{name} could not be written to {folder} ({reason}).",
                name=name,
                folder=folder,
                reason=error.strerror or error,
            )
            remedy = tr("Free some space, or set INNERLOOP_DATASETS to a folder that can be written to.")
            raise DataError(message, f"{remedy} {by_hand}", str(folder)) from error
        report(1.0)


class Resuming:
    """A pooch downloader that collects the file in ``part`` and asks the server for the missing rest only."""

    def __init__(self, part: Path, report: Callable[[float], None]):
        self.part, self.report = part, report

    def __call__(self, url: str, output_file: str, source: pooch.Pooch, check_only: bool = False) -> None:
        import requests

        have = self.part.stat().st_size if self.part.exists() else 0
        # Encoded content would make the byte counts differ from the file's.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            if response.status_code == requests.codes.requested_range_not_satisfiable:
                # Nothing is missing, or the part is longer than the file. The MD5 tells which, and a retry starts anew.
                self.part.replace(output_file)
                return
            response.raise_for_status()
            if not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                have = 0  # the server sends the whole file
            self.receive(response, have)
        self.part.replace(output_file)

    def receive(self, response: requests.Response, have: int) -> None:
        total = have + int(response.headers.get("Content-Length", 0))
        with self.part.open("ab" if have else "wb") as file:
            for block in response.iter_content(BLOCK):
                file.write(block)
                have += len(block)
                self.report(min(have / total, 1.0) if total else 0.0)
