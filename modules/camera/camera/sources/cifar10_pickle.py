"""Reading the official python batches, which are pickles, without letting a pickle call anything.

The files of 2009 were written by Python 2 with NumPy (protocol 2). The only things that they name are
NumPy's array constructor, `ndarray` and `dtype`; each is answered by a stand-in of our own that keeps the
bytes, so neither NumPy nor anything else is imported, and any other name is refused.
"""

from __future__ import annotations

import io
import pickle
from typing import Any


class PickleRefusedError(Exception):
    """Not one of the official files."""


class _Dtype:
    """Stands in for `numpy.dtype`; only bytes without byte order may pass."""

    def __init__(self, code: object, *_: object) -> None:
        if code not in ("u1", b"u1"):
            raise PickleRefusedError(f"an array of type {code!r}, expected uint8")

    def __setstate__(self, state: object) -> None: ...


class _Array:
    """Stands in for `numpy.ndarray`: keeps the raw bytes."""

    raw: bytes = b""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, _, _, fortran_order, raw = state
        if fortran_order or not isinstance(raw, bytes):
            raise PickleRefusedError("an array in another order than row by row")
        self.raw = raw


def _reconstruct(*_: object) -> _Array:
    return _Array()


def _encode(text: str, encoding: str) -> bytes:
    # How protocol 2 writes bytes when Python 3 makes the file.
    if encoding != "latin1":
        raise PickleRefusedError(f"an encoding {encoding!r}")
    return text.encode("latin1")


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _encode,
}


class _OfficialUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        try:
            return _ALLOWED[module_name, global_name]
        except KeyError:
            raise PickleRefusedError(
                f"the pickle asks for {module_name}.{global_name}, which no official CIFAR-10 file does; refused"
            ) from None


def load_official(raw: bytes) -> dict[str, object]:
    """The dictionary in `raw` with text keys; arrays as their raw bytes. Raises `PickleRefusedError`."""
    try:
        content = _OfficialUnpickler(io.BytesIO(raw), encoding="bytes").load()
    except PickleRefusedError:
        raise
    except Exception as error:  # noqa: BLE001 - a broken pickle may raise anything
        raise PickleRefusedError(f"not a pickle, or cut short ({type(error).__name__})") from None
    if not isinstance(content, dict):
        raise PickleRefusedError("not a dictionary")
    return {_key(key): value.raw if isinstance(value, _Array) else value for key, value in content.items()}


def _key(key: object) -> str:
    return key.decode("ascii", "replace") if isinstance(key, bytes) else str(key)
