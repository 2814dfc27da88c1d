"""Golden vectors notice what they are for: swapped colours, a wrong scale, another model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from image_classifier.bundle import Bundle, load_bundle
from image_classifier.classifier import Classifier
from image_classifier.errors import BundleError
from image_classifier.golden import check_golden_vectors, measured_tolerance
from image_classifier.model import Model, Probabilities
from image_classifier.preprocess import Tensor
from image_classifier.runtime import Kernels
from image_classifier.seal import seal
from tests.image_classifier.tiny_model import Tiny, draft, edit, encode, make_bundle, plain


def test_a_sealed_bundle_passes(tiny_bundle: Bundle) -> None:
    assert check_golden_vectors(Classifier(tiny_bundle)) == 2


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("input", "colourOrder"), "BGR"),
        (("input", "normalisation", "standardDeviation"), [256, 256, 256]),
        (("input", "normalisation", "standardDeviation"), [1, 1, 1]),  # pixel 0..255 taken for pixel / 255
        (("input", "normalisation", "mean"), [0, 1, 0]),
        (("goldenVectors", "vectors", 1, "tensorSha256"), "0" * 64),
    ],
)
def test_another_preprocessing_fails(tiny_bundle: Bundle, path: tuple[str | int, ...], value: object) -> None:
    edit(tiny_bundle, *path, value=value)
    with pytest.raises(BundleError, match=r"goldenVectors\.vectors\[\d\]\.tensorSha256: preprocessing of '"):
        check_golden_vectors(Classifier(load_bundle(tiny_bundle.folder)))


@pytest.mark.parametrize("answers", [[0.0, 1.0, 0.0], [1.0, 0.2, 0.0]])
def test_another_answer_fails(tiny_bundle: Bundle, answers: list[float]) -> None:
    edit(tiny_bundle, "goldenVectors", "vectors", 0, "probabilities", value=answers)
    with pytest.raises(BundleError, match=r"probabilities\[\d\]: the model answers 'orange' otherwise"):
        check_golden_vectors(Classifier(load_bundle(tiny_bundle.folder)))


def test_a_wrong_output_scale_fails(tmp_path: Path) -> None:
    """Float models carry no scale to compare with: here the probabilities must notice."""
    bundle = make_bundle(tmp_path / "b", Tiny(dtype="float32", softmax=False))
    edit(bundle, "output", "activation", value="softmax")
    with pytest.raises(BundleError, match="answers"):
        check_golden_vectors(Classifier(load_bundle(bundle.folder)))


def test_no_vectors_prove_nothing(tiny_bundle: Bundle) -> None:
    edit(tiny_bundle, "goldenVectors", "vectors", value=[])
    with pytest.raises(BundleError, match="there are no golden vectors"):
        check_golden_vectors(Classifier(load_bundle(tiny_bundle.folder)))


def test_grey_pictures_alone_cannot_be_sealed(tmp_path: Path) -> None:
    (tmp_path / "tiny.tflite").write_bytes(Tiny().build())
    with pytest.raises(BundleError, match="every picture is grey"):
        seal(tmp_path, draft(), {"grey": encode(plain((90, 90, 90)))})
    assert not (tmp_path / "bundle.json").exists()


@pytest.mark.parametrize(("dtype", "expected"), [("int8", 20 / 255 / 4 + 1 / 256), ("float32", 0.001)])
def test_the_tolerance_is_one_rounding_of_the_scores_where_runtimes_agree(
    tmp_path: Path, dtype: str, expected: float
) -> None:
    """The tiny model's scores have steps of 20 / 255, its probabilities of 1 / 256."""
    (tmp_path / "tiny.tflite").write_bytes(Tiny(dtype=dtype).build())
    without = {key: value for key, value in draft().items() if key != "goldenVectors"}
    bundle = seal(tmp_path, without, {"orange": encode(plain((240, 130, 20)))})
    assert bundle.golden_tolerance == pytest.approx(expected, abs=1e-4)


def test_the_tolerance_is_twice_what_runtimes_differ_by(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, create, reference = Model.run, Model.__init__, []

    def remember(self: Model, bundle: Bundle, threads: int = 1, kernels: Kernels = Kernels.FASTEST) -> None:
        create(self, bundle, threads, kernels)
        if kernels is Kernels.REFERENCE:
            reference.append(self)

    def one_that_differs(self: Model, tensor: Tensor) -> Probabilities:
        return run(self, tensor) + np.float32(0.07 if self in reference else 0)

    monkeypatch.setattr(Model, "__init__", remember)
    monkeypatch.setattr(Model, "run", one_that_differs)
    black = np.full(tiny_bundle.input.shape, -128, np.int8)
    assert measured_tolerance(tiny_bundle, [black]) == pytest.approx(0.14, abs=2e-4)
