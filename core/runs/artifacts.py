"""What a run leaves behind beside its rows: checkpoints, tasks to look at, a log. Pages and engine reach them through this."""

import os
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.errors import StoreError

# As core.training.checkpoint names them, which is not imported without torch.
KEPT = re.compile(r"kept-(\d{9,18})-\d{3,9}")


class Artifacts(Protocol):
    """One run's files, wherever its worker put them."""

    def checkpoints(self) -> Path:
        """The folder that holds the checkpoints; may not exist yet."""

    def views(self) -> list[str]:
        """Names under which tasks to look at are kept, see ``core/runs/views.py``."""

    def view(self, name: str) -> bytes | None:
        """What is kept under a name; None where nothing is (any more)."""

    def put_view(self, name: str, content: bytes) -> None:
        """Keep it in place of what was there, whole or not at all. Raises StoreError."""

    def drop_view(self, name: str) -> None:
        """Keep it no longer; nothing to do where nothing is."""

    def kept(self) -> list[int]:
        """The iterations of the checkpoints that are kept beside the best and the last, in order."""

    def log_tail(self, most: int) -> str | None:
        """The last ``most`` bytes of the worker's log from the beginning of a line; None as long as there is no log."""

    def log(self) -> bytes:
        """The whole log, for a download."""

    def delete(self) -> None:
        """Remove all of it; nothing to do where nothing is. Raises StoreError."""


@dataclass(frozen=True)
class LocalArtifacts:
    """In a folder of this machine."""

    folder: Path

    @property
    def log_file(self) -> Path:
        return self.folder / "worker.log"

    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    def views(self) -> list[str]:
        return sorted(path.stem for path in (self.folder / "views").glob("*.z"))

    def view(self, name: str) -> bytes | None:
        try:
            return self._view_file(name).read_bytes()
        except FileNotFoundError:
            return None

    def put_view(self, name: str, content: bytes) -> None:
        path = self._view_file(name)
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(content)
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)  # what is half written does not fill the disk further
            message = f"The tasks to look at could not be written to {path.parent}: {error.strerror}."
            raise StoreError(message, "Free some space.", str(path)) from error

    def drop_view(self, name: str) -> None:
        with suppress(OSError):  # it stays, and costs no more than its space
            self._view_file(name).unlink(missing_ok=True)

    def _view_file(self, name: str) -> Path:
        return self.folder / "views" / f"{name}.z"

    def kept(self) -> list[int]:
        names = (KEPT.fullmatch(path.name) for path in self.checkpoints().glob("kept-*"))
        return sorted({int(name[1]) for name in names if name})

    def log_tail(self, most: int) -> str | None:
        try:
            with self.log_file.open("rb") as file:
                length = file.seek(0, 2)
                file.seek(max(0, length - most))
                text = file.read(most).decode(errors="replace")
        except FileNotFoundError:
            return None
        return text.partition("\n")[2] if length > most else text

    def log(self) -> bytes:
        return self.log_file.read_bytes() if self.log_file.is_file() else b""

    def delete(self) -> None:
        try:
            shutil.rmtree(self.folder)
        except FileNotFoundError:
            return  # removed by hand before
        except OSError as error:
            message = f"Not all files of the run could be removed: {error.strerror}."
            raise StoreError(message, f"Remove the folder {self.folder} by hand.", str(self.folder)) from error
