"""What a run leaves behind beside its rows: checkpoints and a log."""

from pathlib import Path

from core.runs.schema import Run


def checkpoint_folder(run: Run) -> Path:
    """Where a run's checkpoints lie."""
    return Path(run.folder) / "checkpoints"
