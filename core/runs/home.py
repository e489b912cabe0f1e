"""Where everything that is written at run time lives: the database, the runs' artifacts, data sets and caches."""

import os
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL

from core.runs.address import parse
from core.runs.artifacts import Artifacts, LocalArtifacts
from core.runs.schema import Run
from data.errors import InnerloopError
from data.places import Folders

PROJECT = Path(__file__).resolve().parents[2]  # the folder that holds app.py
DEFAULT = PROJECT / ".innerloop"


@dataclass(frozen=True)
class Home:
    """The folders of one installation, all absolute, and the address of its run store.

    root: home folder. datasets: where data sets are looked for, may be read-only. database: an SQLAlchemy URL.
    """

    root: Path
    datasets: Path
    database: str = field(repr=False)  # may hold a password

    @property
    def cache(self) -> Path:
        """Decoded data sets; can be deleted at any time."""
        return self.root / "cache"

    @property
    def costs(self) -> Path:
        """What kinds of runs were measured to take on this machine; can be deleted as well."""
        return self.root / "costs.json"

    @property
    def curves(self) -> Path:
        """Curves of other tools, see ``core/imported.py``."""
        return self.root / "curves"

    @property
    def folders(self) -> Folders:
        """Where task families look for their files."""
        return Folders(self.datasets, self.cache)

    @property
    def runs_folder(self) -> Path:
        """Parent of the runs' artifact folders."""
        return self.root / "runs"

    @property
    def host(self) -> str:
        """The name under which runs of this home wait and train, whatever the machine is called today."""
        path = self.root / "host"
        if not path.is_file():
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            beside = self.root / f".host-{uuid.uuid4().hex}"
            beside.write_text(f"{uuid.uuid4().hex}\n")
            with suppress(FileExistsError):  # another process was first: its name stands
                os.link(beside, path)
            beside.unlink()
        return path.read_text().strip()

    def artifacts(self, run: Run) -> Artifacts:
        """Checkpoints and log of a run."""
        return LocalArtifacts(self.root / run.folder)

    def environment(self) -> dict[str, str]:
        """The variables under which ``Home.find()`` in another process finds this same home."""
        return {
            "INNERLOOP_HOME": str(self.root),
            "INNERLOOP_DATASETS": str(self.datasets),
            "INNERLOOP_DATABASE": self.database,
        }

    @classmethod
    def find(cls, root: Path | str | None = None, datasets: Path | str | None = None) -> "Home":
        """The home named by the arguments, else by INNERLOOP_HOME, INNERLOOP_DATASETS and INNERLOOP_DATABASE.

        Without any of them it is ``.innerloop`` beside app.py. Creates the folder, for its owner alone. Raises InnerloopError if
        it cannot be created or written, or where the database's address is none.
        """
        root = _absolute(root or os.environ.get("INNERLOOP_HOME") or DEFAULT)
        datasets = _absolute(datasets or os.environ.get("INNERLOOP_DATASETS") or root / "datasets")
        _make_writable(root)
        return cls(root, datasets, _database(root, os.environ.get("INNERLOOP_DATABASE")))


def _database(root: Path, address: str | None) -> str:
    """The address of the store: a file of SQLite is looked for in the home, not in each process's working directory."""
    url = parse(address) if address else URL.create("sqlite", database="innerloop.db")
    if url.get_backend_name() == "sqlite" and "uri" not in url.query:
        url = url.set(database=str(root / url.database))
    return url.render_as_string(hide_password=False)


def _absolute(path: Path | str) -> Path:
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError as error:  # ~nobody
        raise InnerloopError(f"The folder {path} is nobody's home.", "Write the whole path.", str(path)) from error


def _make_writable(root: Path) -> None:
    remedy = "Choose a folder that you may write to with --home or INNERLOOP_HOME."
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if root == DEFAULT and root.stat().st_mode & 0o077 and root.stat().st_uid == os.getuid():
            root.chmod(0o700)  # made by version 0.1; a folder that somebody chose keeps the rights that he gave it
    except OSError as error:
        message = f"The home folder {root} cannot be created: {error.strerror}."
        raise InnerloopError(message, remedy, str(root)) from error
    if not os.access(root, os.W_OK | os.X_OK):
        raise InnerloopError(f"The home folder {root} cannot be written to.", remedy, str(root))
