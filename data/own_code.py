"""Code of a person's own, named by its import path."""

import importlib
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

from data.errors import InnerloopError
from data.language import tr

PROJECT = Path(__file__).resolve().parents[1]


class Named(NamedTuple):
    """What a setting names. at: the setting. path: ``package.module:name``, or what was typed. form: of such a path, with an
    example. error: what is raised.
    """

    at: str
    path: str
    form: str
    error: type[InnerloopError]

    def parts(self) -> tuple[str, str]:
        """Module and name. Raises the error for what is no such path."""
        module, _, name = self.path.partition(":")
        if not module or not name:
            raise self.error(
                tr("'{path}' is not an import path.", path=self.path), tr("Write {form}.", form=self.form), self.at
            )
        return module, name

    def found(self) -> Any:
        """What is there. Raises the error with the reason."""
        module_name, name = self.parts()
        for folder in map(str, folders()):
            if folder not in sys.path:
                sys.path.append(folder)
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            remedy = tr("Put its folder into the environment variable INNERLOOP_PATH.")
            raise self.error(tr("No module '{name}' was found.", name=error.name), remedy, self.at) from error
        except Exception as error:  # whatever the person's own module raises while it is imported
            text = tr("Importing {module} failed: {error!r}", module=module_name, error=error)
            raise self.error(text, tr("Import it in Python to see the traceback."), self.at) from error
        if not hasattr(module, name):
            raise self.error(
                tr("The module {module} has no '{name}'.", module=module_name, name=name),
                tr("Check the name after the colon."),
                self.at,
            )
        return getattr(module, name)

    def file(self) -> Path | None:
        """The file that the module is in; None where it is not found. Imports nothing. Raises the error for what is no path."""
        places = [Path(folder, *self.parts()[0].split(".")) for folder in [*sys.path, *folders()]]
        files = (file for place in places for file in (place / "__init__.py", place.with_suffix(".py")))
        return next((file for file in files if file.is_file()), None)


def folders() -> list[Path]:
    """Where modules are looked for beside Python's own places: the project, and the folders in INNERLOOP_PATH."""
    return [PROJECT, *map(Path, filter(None, os.environ.get("INNERLOOP_PATH", "").split(os.pathsep)))]
