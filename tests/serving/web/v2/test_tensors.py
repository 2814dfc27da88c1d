from __future__ import annotations

import struct
import tracemalloc
from typing import Any

import pytest

from image_classifier.bundle import load_bundle
from serving.errors import BadRequestError
from serving.web.v2.messages import InputTensor
from serving.web.v2.tensors import read_pictures

BUNDLE = load_bundle("fast")


def peak_of_refusing(tensor: InputTensor, behind: bytes = b"") -> int:
    """Bytes that refusing a tensor takes beside the tensor."""
    tracemalloc.start()
    try:
        with pytest.raises(BadRequestError):
            read_pictures(tensor, memoryview(behind), BUNDLE, 1000)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "data",
    [
        ["a" * 20_000] + ["b"] * 5000,
        [["a" * 20_000]] + [["b"]] * 5000,
        [None] * 500_000,
        [0] * 500_000,
        [[0]] * 500_000,
    ],
    ids=["a long text", "a long text in a list", "no numbers", "too many numbers", "too many lists"],
)
def test_what_is_no_tensor_of_this_shape_takes_no_memory(data: list[Any]) -> None:
    shape = [1, *BUNDLE.input.shape[1:]]
    tensor = InputTensor.model_construct(
        name="image", shape=shape, datatype="UINT8", parameters={}, data=data
    )
    assert peak_of_refusing(tensor) < 8 * len(data) + 100_000


def test_more_elements_than_the_shape_says_are_not_even_looked_at() -> None:
    behind = struct.pack("<I", 0) * 200_000
    parameters = {"binary_data_size": len(behind)}
    tensor = InputTensor.model_construct(name="image", shape=[2], datatype="BYTES", parameters=parameters)
    assert peak_of_refusing(tensor, behind) < 100_000
