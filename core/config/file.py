"""A config as a JSON file, such as ``export --what config`` writes."""

import json
from pathlib import Path
from typing import Any

from data.errors import InputError, shortened
from data.language import mark, tr

LONGEST = 1_000_000  # bytes, far beyond any config
REMEDY = mark("Give a file that `python -m core export RUN --what config` wrote, or one like it.")


def read_config(path: Path) -> dict[str, Any]:
    """The values in a file, for ``parse`` to check. Raises InputError for what is no JSON object."""
    try:
        if path.stat().st_size > LONGEST:
            raise InputError(tr("{path} is too large for a config.", path=path), tr(REMEDY), "config")
        text = path.read_text(encoding="utf-8")
        values = json.loads(text, parse_constant=_no_number)
    except OSError as error:
        raise InputError(
            tr("{path} cannot be read: {strerror}.", path=path, strerror=error.strerror), tr(REMEDY), "config"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            tr("{path} is not JSON: {error}.", path=path, error=shortened(error)), tr(REMEDY), "config"
        ) from error
    if not isinstance(values, dict):
        raise InputError(
            tr("{path} holds no config, but a {name}.", path=path, name=type(values).__name__), tr(REMEDY), "config"
        )
    return values


def _no_number(name: str) -> Any:
    raise ValueError(tr("{name} is not a finite number", name=name))
