"""Tensors of requests -> what a model scores.

The one input is named `image` and comes in three datatypes: BYTES, encoded pictures of any size, shape [n] or [n, 1]
(in JSON each one is base64); UINT8, RGB pixels of the model's size, [n, height, width, 3]; and the datatype of
the model's own input tensor (INT8 or FP32), of the same shape, which nobody preprocesses any more.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from image_classifier.bundle import Bundle
from image_classifier.preprocess import ModelInput, ReadyTensor
from serving.errors import BadContentError, BadRequestError
from serving.web.pictures import check_count, from_base64
from serving.web.v2.messages import InputTensor

INPUT = "image"
ENCODED = "BYTES"
DATATYPES = {"uint8": "UINT8", "int8": "INT8", "float32": "FP32"}
_DTYPES: dict[str, np.dtype[Any]] = {
    "UINT8": np.dtype("<u1"),
    "INT8": np.dtype("<i1"),
    "FP32": np.dtype("<f4"),
}


def read_pictures(tensor: InputTensor, behind: memoryview, bundle: Bundle, most: int) -> list[ModelInput]:
    """The pictures of a request's only tensor; `behind` are the bytes behind the request's JSON.

    Arrays from `behind` are views of it.

    Raises:
        BadRequestError: not an input of this model; the text says what is expected.
        ProblemError: 413, more than `most` pictures.
    """
    if tensor.name != INPUT:
        raise BadRequestError(f"inputs[0].name: expected {INPUT!r}, found {tensor.name[:100]!r}")
    raw = _binary(tensor, behind)
    check_count(tensor.shape[0], most)
    if tensor.datatype == ENCODED:
        return _encoded(tensor, raw)
    own = DATATYPES[bundle.input.dtype]
    if tensor.datatype not in ("UINT8", own):
        known = ", ".join(dict.fromkeys((ENCODED, "UINT8", own)))
        raise BadRequestError(f"inputs[0].datatype: expected one of {known}, found {tensor.datatype[:100]!r}")
    shape = bundle.input.shape[1:]
    if tuple(tensor.shape[1:]) != shape:
        raise BadRequestError(
            f"inputs[0].shape: expected [n, {', '.join(map(str, shape))}], found {tensor.shape}"
        )
    values = _numbers(tensor, raw, _DTYPES[tensor.datatype])
    if tensor.datatype == "UINT8":
        return list(values)
    if not np.isfinite(values).all():
        raise BadContentError("inputs[0]: a number is infinite or not a number (NaN)")
    return [ReadyTensor(one[np.newaxis]) for one in values]


def _binary(tensor: InputTensor, behind: memoryview) -> memoryview | None:
    size = tensor.parameters.get("binary_data_size")
    if size is None:
        if behind:
            raise BadRequestError(f"{len(behind)} bytes behind the JSON belong to no tensor")
        if tensor.data is None:
            raise BadRequestError("inputs[0]: neither data nor parameters.binary_data_size")
        return None
    if tensor.data is not None:
        raise BadRequestError("inputs[0]: both data and parameters.binary_data_size")
    if type(size) is not int or size != len(behind):
        raise BadRequestError(
            f"inputs[0].parameters.binary_data_size: {len(behind)} bytes follow the JSON, found {size!r}"
        )
    return behind


def _encoded(tensor: InputTensor, raw: memoryview | None) -> list[ModelInput]:
    count = tensor.shape[0]
    if math.prod(tensor.shape) != count:
        raise BadRequestError(f"inputs[0].shape: expected [n] or [n, 1] for BYTES, found {tensor.shape}")
    return list(_texts(tensor.data or [], count) if raw is None else _length_prefixed(raw, count))


def _texts(data: Sequence[Any], count: int) -> list[bytes]:
    if len(data) != count:
        raise BadRequestError(f"inputs[0]: shape says {count} elements, found {len(data)}")
    flat = [element[0] if isinstance(element, list) and len(element) == 1 else element for element in data]
    if not all(isinstance(element, str) for element in flat):
        raise BadRequestError("inputs[0].data: expected a base64 text a picture")
    return [from_base64(text, f"inputs[0].data[{number}]") for number, text in enumerate(flat)]


def _length_prefixed(raw: memoryview, count: int) -> list[bytes]:
    """BYTES elements behind the JSON, `count` of them: each its length, 4 bytes little endian, and its bytes."""
    elements: list[bytes] = []
    position = 0
    while position < len(raw):
        start = position + 4
        length = struct.unpack_from("<I", raw, position)[0] if start <= len(raw) else 0
        position = start + length
        if position > len(raw):
            raise BadContentError(f"inputs[0]: element {len(elements)} is longer than the tensor's bytes")
        if len(elements) == count:
            raise BadRequestError(f"inputs[0]: shape says {count} elements, found more")
        elements.append(bytes(raw[start:position]))
    if len(elements) != count:
        raise BadRequestError(f"inputs[0]: shape says {count} elements, found {len(elements)}")
    return elements


def _numbers(tensor: InputTensor, raw: memoryview | None, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    size = math.prod(tensor.shape)
    if raw is not None:
        if len(raw) != size * dtype.itemsize:
            raise BadRequestError(
                f"inputs[0]: {tensor.datatype} {tensor.shape} takes {size * dtype.itemsize} bytes, found {len(raw)}"
            )
        values = np.frombuffer(raw, dtype).reshape(tensor.shape)
        return np.require(
            values, requirements="A"
        )  # numbers of four bytes may lie at any byte behind the JSON
    data = tensor.data or []
    count = _count_of_numbers(data, size)
    if count != size:
        found = f"found {count}" if count < size else "found more"
        raise BadRequestError(f"inputs[0].data: {tensor.shape} takes {size} numbers, {found}")
    values = _from_json(data)
    whole = dtype.kind != "f"
    if values.dtype.kind not in ("iu" if whole else "iuf"):
        raise BadContentError(f"inputs[0].data: expected {'whole ' if whole else ''}numbers")
    if whole:
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        if values.min() < low or values.max() > high:
            raise BadContentError(f"inputs[0].data: expected numbers from {low} to {high}")
    with np.errstate(over="ignore"):  # what is too large becomes infinite, which is refused
        return values.astype(dtype).reshape(tensor.shape)


def _count_of_numbers(data: Sequence[Any], most: int) -> int:
    """How many numbers nested lists hold, where that is at most `most`; else a number above it.

    numpy makes room for whatever it is given, a text of a million characters once for each element: so nothing
    but numbers, and no more than are wanted, may reach it.

    Raises:
        BadContentError: something in them is no number.
    """
    count, lists = 0, [data]
    while lists and count <= most:
        values = lists.pop()
        kinds = set(map(type, values))
        if kinds == {list}:
            lists.extend(values)
        elif kinds <= {int, float}:
            count += len(values)
        elif list in kinds:
            raise BadContentError("inputs[0].data: not a tensor: lists and numbers side by side")
        else:
            raise BadContentError("inputs[0].data: expected numbers")
    return count


def _from_json(data: Sequence[Any]) -> npt.NDArray[Any]:
    try:
        return np.asarray(data)
    except (ValueError, OverflowError) as error:
        raise BadContentError(f"inputs[0].data: not a tensor: {error}") from None
