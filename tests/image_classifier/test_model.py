"""The model against the document: declared and actual must agree, or the error says which does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from image_classifier.bundle import Bundle, load_bundle
from image_classifier.errors import BundleError, InferenceError
from image_classifier.model import Model
from image_classifier.seal import seal
from tests.image_classifier.tiny_model import Tiny, draft, edit, golden_images, make_bundle


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("labels",), ["red", "green"], "labels"),  # one label too few
        (("labels",), ["red", "green", "blue", "grey"], "labels"),
        (("input", "shape"), [1, 8, 9, 3], "input.shape"),
        (("input", "scale"), 0.0039, "input.scale"),
        (("input", "zeroPoint"), -127, "input.zeroPoint"),
        (("output", "scale"), 0.004, "output.scale"),
        (("output", "zeroPoint"), 0, "output.zeroPoint"),
        (("input", "dtype"), "int8 as uint8", "input.dtype"),
    ],
)
def test_a_document_that_differs_from_the_model_is_refused(
    tiny_bundle: Bundle, path: tuple[str, ...], value: object, field: str
) -> None:
    if value == "int8 as uint8":
        value = "uint8"
        edit(tiny_bundle, "input", "zeroPoint", value=0)
    edit(tiny_bundle, *path, value=value)
    if path == ("labels",):
        edit(tiny_bundle, "goldenVectors", "vectors", value=[])
    bundle = load_bundle(tiny_bundle.folder)
    with pytest.raises(
        BundleError, match=r"bundle\.json: .*the model in tiny\.tflite says otherwise"
    ) as caught:
        Model(bundle)
    assert caught.value.field == field
    assert caught.value.expected != caught.value.actual


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "refuses the model"),
        (b"TFL3" * 100, "refuses the model"),
        (Tiny(custom_op=True).build(), "HostileOp"),  # custom ops and Flex ops have no kernel
        (Tiny().build()[:600], "refuses the model"),
    ],
)
def test_the_runtimes_refusal_names_the_file(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "tiny.tflite").write_bytes(content)
    with pytest.raises(
        BundleError, match=rf"tiny\.tflite: the runtime refuses the model.*{problem}|{problem}"
    ):
        seal(tmp_path, draft(), golden_images())
    assert not (tmp_path / "bundle.json").exists()


@pytest.mark.parametrize(
    "tiny",
    [Tiny(), Tiny(softmax=False), Tiny(dtype="float32"), Tiny(dtype="float32", softmax=False), Tiny(side=3)],
)
def test_probabilities_whatever_the_model_gives(tmp_path: Path, tiny: Tiny) -> None:
    model = Model(make_bundle(tmp_path / "b", tiny))
    tensor = np.zeros((1, tiny.side, tiny.side, 3), tiny.dtype)
    if tiny.dtype == "int8":
        tensor[:] = -128
    tensor[..., 1] = 1 if tiny.dtype == "float32" else 127
    probabilities = model.run(tensor)
    assert probabilities.dtype == np.float32
    assert probabilities.shape == (3,)
    assert probabilities.argmax() == 1
    assert probabilities[1] > 0.99
    assert abs(float(probabilities.sum()) - 1) < 0.02


def test_an_answer_that_is_not_a_number_is_an_error(tmp_path: Path) -> None:
    model = Model(make_bundle(tmp_path / "b", Tiny(dtype="float32")))
    with pytest.raises(InferenceError, match="the model answers nan, which is no score"):
        model.run(np.full((1, 8, 8, 3), np.nan, np.float32))


def test_a_tensor_of_another_shape_is_an_error(tiny_bundle: Bundle) -> None:
    with pytest.raises(InferenceError, match="the runtime fails"):
        Model(tiny_bundle).run(np.zeros((1, 4, 4, 3), np.int8))
