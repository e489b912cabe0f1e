"""Code of a person's own, named by an import path ``package.module:name``: checked, found and imported."""

import importlib
import os
import sys
from pathlib import Path
from typing import Any

from data.errors import ModelError

PROJECT = Path(__file__).resolve().parents[1]


def names(path: str, example: str, at: str) -> tuple[str, str]:
    """Module and name of ``package.module:name``. example: of the name, and of a path. at: the setting it stands
    in. Raises ModelError for what is no such path."""
    module, _, name = path.partition(":")
    if not module or not name:
        text = f"'{path}' is not an import path."
        raise ModelError(text, f"Write package.module:{example}.", at)
    return module, name


def imported(path: str, example: str, at: str) -> Any:
    """What there is at ``package.module:name``. Raises ModelError with the reason."""
    module_name, name = names(path, example, at)
    for folder in _folders():
        if folder not in sys.path:
            sys.path.append(folder)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ModelError(
            f"No module '{error.name}' was found.", "Put its folder into the environment variable INNERLOOP_PATH.", at
        ) from error
    except Exception as error:  # whatever the person's own module raises while it is imported
        raise ModelError(
            f"Importing {module_name} failed: {error!r}", "Import it in Python to see the traceback.", at
        ) from error
    found = getattr(module, name, None)
    if found is None:
        raise ModelError(f"The module {module_name} has no '{name}'.", "Check the name after the colon.", at)
    return found


def file_of(module: str) -> Path | None:
    """The file that a module is in; None where it is not found. Imports nothing."""
    places = [Path(folder, *module.split(".")) for folder in [*sys.path, *_folders()]]
    files = (file for place in places for file in (place / "__init__.py", place.with_suffix(".py")))
    return next((file for file in files if file.is_file()), None)


def _folders() -> list[str]:
    """Where such code is looked for when Python itself finds none: the project root and the folders in INNERLOOP_PATH."""
    return [str(PROJECT), *filter(None, os.environ.get("INNERLOOP_PATH", "").split(os.pathsep))]
