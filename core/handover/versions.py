"""What a run was made with, as far as it is known. Free of torch."""

import platform
from importlib import metadata

PACKAGES = ("torch", "numpy", "safetensors")


def installed() -> str:
    """The versions at hand: ``Python 3.11.2, torch 2.13.0, …``. A run does not keep those it was trained with."""
    found = [f"{package} {metadata.version(package)}" for package in PACKAGES]
    return ", ".join([f"Python {platform.python_version()}", *found])
