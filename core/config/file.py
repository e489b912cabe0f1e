"""A config as a JSON file, such as ``export --what config`` writes."""

import json
from pathlib import Path
from typing import Any

from data.errors import InputError, shortened

LONGEST = 1_000_000  # bytes, far beyond any config
REMEDY = "Give a file that `python -m core export RUN --what config` wrote, or one like it."


def read_config(path: Path) -> dict[str, Any]:
    """The values in a file, for ``parse`` to check. Raises InputError for what is no JSON object."""
    try:
        if path.stat().st_size > LONGEST:
            raise InputError(f"{path} is too large for a config.", REMEDY, "config")
        text = path.read_text(encoding="utf-8")
        values = json.loads(text, parse_constant=_no_number)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", REMEDY, "config") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: {shortened(error)}.", REMEDY, "config") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} holds no config, but a {type(values).__name__}.", REMEDY, "config")
    return values


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not a finite number")
