"""Packages that Innerloop can do without: which version of each it was tested with, and what is said where one is missing."""

from importlib.util import find_spec

from data.errors import InnerloopError
from data.language import tr

VERSIONS = {
    "tensorboard": "2.21.0",
    "mlflow-skinny": "3.17.2",
    "onnxscript": "0.7.2",
    "sentence-transformers": "6.2.0",
}  # as in requirements-dev.txt


class MissingExtra(InnerloopError):
    """One of them is asked for, and not installed."""


def install(package: str) -> str:
    """The command that brings it."""
    return f"pip install {package}=={VERSIONS[package]}"


def check(package: str, purpose: str) -> None:
    """Raises MissingExtra where it is not installed. purpose: as of ``missing``."""
    if find_spec(package) is None:
        raise missing(package, purpose)


def missing(package: str, purpose: str) -> MissingExtra:
    """purpose: what it is needed for, as ``TensorBoard's event files``, marked for translation."""
    message = tr("{purpose} need the package {package}, which is not installed.", purpose=tr(purpose), package=package)
    return MissingExtra(message, tr("Run `{command}` and try again.", command=install(package)), package)
