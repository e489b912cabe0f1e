"""Pickles of others, of which nothing but plain values and numpy's arrays is read. Free of torch."""

import pickle
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from data.errors import DataError
from data.language import tr

CORES = ("numpy.core", "numpy._core")  # as it is called in older and in newer versions


class _Stranger(type):
    """What stands for numpy.ndarray in a pickle: a name that can be handed on, and not called."""

    def __call__(cls, *_: Any) -> Any:
        raise pickle.UnpicklingError(tr("it calls numpy.ndarray"))


class _Array(metaclass=_Stranger):
    pass


def _reconstruct(*_: Any) -> np.ndarray:
    """An empty array, whose shape and content the pickle then sets: numpy checks that they fit each other."""
    return np.empty(0, np.uint8)


def _frombuffer(content: bytes, dtype: np.dtype, shape: tuple[int, ...], order: str) -> np.ndarray:
    return np.frombuffer(content, dtype).reshape(shape, order=order)


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """How Python 3 writes the bytes of an array in the pickles of Python 2."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(tr("it asks for the encoding {encoding}", encoding=encoding))
    return text.encode("latin1")


class _Arrays(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        admitted = {(f"{core}.multiarray", "_reconstruct"): _reconstruct for core in CORES}
        admitted |= {(f"{core}.numeric", "_frombuffer"): _frombuffer for core in CORES}
        admitted |= {("numpy", "ndarray"): _Array, ("numpy", "dtype"): np.dtype, ("_codecs", "encode"): _encode}
        if (module, name) not in admitted:
            raise pickle.UnpicklingError(
                tr("it asks for {module}.{name}, and only arrays are read", module=module, name=name)
            )
        return admitted[module, name]


def unpickled(file: BinaryIO, path: Path, encoding: str, remedy: str) -> Any:
    """The value in a pickle of plain values and arrays. encoding: of the texts that Python 2 wrote.

    Raises DataError for anything else in it. path, remedy: for that.
    """
    try:
        return _Arrays(file, encoding=encoding).load()
    except Exception as error:  # a pickle that is damaged or was made to harm raises whatever it likes
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        text = tr("{path} cannot be used: {reason}.", path=path, reason=reason)
        raise DataError(text, remedy, str(path)) from error
