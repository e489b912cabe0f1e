"""A download of a data set behind a page's back, which goes on when the page is left, and which can be put an end to."""

import threading
from collections import defaultdict
from pathlib import Path
from typing import ClassVar

from core.elsewhere import Cancelled
from data.errors import DataError, InnerloopError
from data.family import TaskFamily
from data.language import carried, tr


class DownloadJob:
    """One download, begun at once. What has arrived stays when it is cancelled; the next one goes on from there.

    Once it has ended ``error`` says what was wrong; None if all is here, or if it was cancelled.
    """

    # One after the other writes the files of a family: a job that was cancelled has to end first.
    _turns: ClassVar[dict[tuple[str, Path], threading.Lock]] = defaultdict(threading.Lock)

    def __init__(self, family: type[TaskFamily], datasets: Path):
        self.name, self.error = family.title, None
        self._family, self._datasets = family, datasets
        self._told, self._cancelled = (0.0, tr("Connecting …")), threading.Event()
        self._thread = threading.Thread(target=carried(self._run), name=f"download {family.title}", daemon=True)
        self._thread.start()

    @property
    def going_on(self) -> bool:
        return self._thread.is_alive()

    def progress(self) -> tuple[float, str]:
        return self._told

    def cancel(self) -> None:
        """End it with the next block that arrives; a server that sends nothing is left to its time limit."""
        self._cancelled.set()

    def wait(self) -> None:
        self._thread.join()

    def _tell(self, done: float, text: str) -> None:
        if self._cancelled.is_set():
            raise Cancelled
        self._told = done, text

    def _run(self) -> None:
        try:
            with self._turns[self.name, self._datasets]:
                self._family.download(self._datasets, self._tell)
        except Cancelled:
            return  # whoever cancelled it knows
        except InnerloopError as error:
            self.error = error
        except Exception as error:
            self.error = DataError(
                tr("{name} could not be downloaded ({error!r}).", name=tr(self.name), error=error),
                tr("The server's log tells more."),
            )
            raise
