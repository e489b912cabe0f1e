"""An import of pictures by a process of its own, which a page starts, watches and may put an end to."""

import json
import shutil
import tempfile
import threading
import uuid
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from core.elsewhere import Cancelled, Question, Unanswered
from core.errors import RunError
from core.runs.home import Home
from data.archive import DEEPEST, MIB
from data.errors import DataError, InnerloopError, InputError
from data.import_pictures import Wanted, import_pictures
from data.language import joined, speaking, tr
from data.places import Folders

SECONDS = 24 * 3600.0  # that an import may take
UPLOADED = 500 * MIB  # bytes that may be sent by a browser at once
MOST_UPLOADED = 20_000  # files


class ImportJob:
    """One import, begun at once. name: of the set to be.

    Once it has ended ``error`` says what was wrong, or ``found`` what there is to tell; neither after it was cancelled.
    """

    def __init__(
        self,
        home: Home,
        name: str,
        source: Path,
        wanted: dict[str, Any],
        *,
        replace: bool,
        called: str = "",
        uploaded: bool = False,
    ):
        """wanted: what ``Wanted`` takes. uploaded: the source is deleted in the end."""
        self.name, self.error, self.found = name, None, None
        self._folder = Path(tempfile.mkdtemp(prefix="innerloop-import-"))
        self._upload = source if uploaded else None
        asked = {"name": name, "source": str(source), "datasets": str(home.datasets), "cache": str(home.cache)}
        asked |= {"wanted": wanted, "replace": replace, "called": called, "progress": str(self._folder / "progress")}
        self._question = Question("core.import_job:imported", asked, SECONDS, home.environment())
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def going_on(self) -> bool:
        return self._thread.is_alive()

    def progress(self) -> tuple[float, str]:
        try:
            done, text = json.loads((self._folder / "progress").read_text())
        except (OSError, ValueError):  # not begun, or just being written
            return 0.0, tr("Starting")
        return done, text

    def cancel(self) -> None:
        self._question.cancel()
        self._thread.join()

    def wait(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        try:
            self.found = self._question.answer()
        except Cancelled:
            pass  # whoever cancelled it knows
        except Unanswered as error:
            with speaking(self._question.language):
                text = joined([tr("The import has ended without a word."), str(error)])
                self.error = RunError(text, tr("Import the pictures again."))
        except InnerloopError as error:
            self.error = error
        finally:
            if self._upload is not None:
                discard(self._upload)
            shutil.rmtree(self._folder, ignore_errors=True)


def imported(asked: dict[str, Any]) -> dict[str, Any]:
    """All that the process does."""
    progress, folders = Path(asked["progress"]), Folders(Path(asked["datasets"]), Path(asked["cache"]))

    def tell(done: float, text: str) -> None:
        progress.write_text(json.dumps([done, text]))

    one = import_pictures(
        asked["name"], Path(asked["source"]), folders, Wanted(**asked["wanted"]),
        called=asked["called"], replace=asked["replace"], progress=tell,
    )  # fmt: skip
    return {"count": one.pictures, "classes": len(one.classes), "skipped": one.skipped}


def received(home: Home, files: Iterable[tuple[str, BinaryIO]]) -> Path:
    """What a browser sent, in a folder of its own: the zip if it is one, else a folder of the files under their names.

    Raises InputError for what is too much or is named as no file is.
    """
    sent, left = list(files), UPLOADED
    if len(sent) > MOST_UPLOADED:
        raise InputError(
            tr("{n:,} files were sent, and {most:,} are the most.", n=len(sent), most=MOST_UPLOADED),
            tr("Send one zip of them."),
            "upload",
        )
    folder = home.root / "uploads" / uuid.uuid4().hex
    try:
        folder.mkdir(parents=True)
        for name, file in sent:
            path = folder / _inside(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as kept:
                shutil.copyfileobj(file, kept)
                left -= kept.tell()
            if left < 0:
                text = tr("More than {size:,.0f} MiB were sent.", size=UPLOADED / MIB)
                raise InputError(
                    text, tr("Import them from the command line: `python -m core datasets add`."), "upload"
                )
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise DataError(
            tr("What was sent cannot be kept: {why}.", why=error.strerror or error), tr("Free some space."), str(folder)
        ) from error
    except InputError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    alone = len(sent) == 1 and sent[0][0].lower().endswith(".zip")
    return folder / _inside(sent[0][0]) if alone else folder


def _inside(name: str) -> Path:
    """The place of a file within the folder. Raises InputError for a name that leads out of it."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name or len(path.parts) > DEEPEST:
        raise InputError(
            tr("A file that was sent has a name that is none of a file in a folder."), tr("Send one zip."), "upload"
        )
    return Path(path)


def discard(source: Path) -> None:
    """Delete what ``received`` kept."""
    shutil.rmtree(source.parent if source.is_file() else source, ignore_errors=True)
