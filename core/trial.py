"""Trying out a run's learner and network before it is queued; a person's own network in a process of its own.

Foreign code never runs in the server: a file that was edited counts at once, and a network that hangs, ends its process or
takes hold of memory does so elsewhere.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from core.algorithms.base import algorithms
from core.algorithms.forward import ForwardMode
from core.config.run import RunConfig
from core.models.base import ModelError
from core.runs.home import PROJECT
from core.training.build import check
from data.errors import InnerloopError
from data.folders import Folders

SECONDS = 90.0  # within which a network of one's own has to be built and tried; importing torch takes some of them


def tried(config: RunConfig, folders: Folders | None = None) -> ForwardMode:
    """How the run's network goes over many tasks. Raises ModelError with reason and remedy where it cannot learn them."""
    own = config.model.name == "module" and algorithms()[config.algorithm.name].uses_network
    return _elsewhere(config, folders) if own else check(config, folders)


def _elsewhere(config: RunConfig, folders: Folders | None) -> ForwardMode:
    """The same by another process, which is ended with all that it has started."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        asked = {"config": config.model_dump(mode="json"), "folders": folders and [str(path) for path in folders]}
        process = subprocess.Popen(
            [sys.executable, "-m", "core.trial", str(answer)],
            stdin=subprocess.PIPE,
            stdout=2,  # what a network prints is none of our answer; with tracebacks it goes to the log
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT), os.environ.get("PYTHONPATH", "")])},
            start_new_session=True,
        )
        try:
            process.communicate(json.dumps(asked).encode(), timeout=SECONDS)
        except subprocess.TimeoutExpired:
            text = f"{config.model.path} did not come to an end within {SECONDS:.0f} s."
            raise ModelError(text, "It has to be built and to answer for two tasks in seconds.", "model.path") from None
        finally:
            _end(process)
        if not answer.exists():
            raise _died(config.model.path, process.returncode)
        said: dict[str, Any] = json.loads(answer.read_text())
    if "forward" in said:
        return said["forward"]
    raise ModelError(said["message"], said["remedy"], said["path"])


def _end(process: subprocess.Popen) -> None:
    with contextlib.suppress(ProcessLookupError):  # it and all that it started have ended by themselves
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _died(path: str, code: int) -> ModelError:
    how = f"with code {code}" if code >= 0 else f"by signal {-code} ({signal.Signals(-code).name})"
    text = f"{path} ended the process {how} while it was tried out."
    return ModelError(text, "A network must not end its process; the server's log has what it printed.", "model.path")


def main(answer: Path) -> None:
    """Read what is asked from stdin and write what is found: the forward mode, or an error's parts."""
    import torch

    torch.set_num_threads(1)  # as in the server: a run may be using the cores
    asked = json.loads(sys.stdin.read())
    try:
        folders = asked["folders"] and Folders(*map(Path, asked["folders"]))
        said = {"forward": check(RunConfig.model_validate(asked["config"]), folders)}
    except InnerloopError as error:
        said = {"message": error.message, "remedy": error.remedy, "path": error.path}
        if error.__cause__ is not None:
            sys.excepthook(type(error), error, error.__traceback__)
    unfinished = answer.with_suffix(".part")
    unfinished.write_text(json.dumps(said))
    unfinished.rename(answer)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
