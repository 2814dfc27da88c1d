"""The shipped bundles: proven good, and as accurate as their documents say."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from image_classifier.bundle import Bundle, load_bundle, shipped_names
from image_classifier.classifier import Classifier
from image_classifier.errors import BundleError
from image_classifier.evaluate import evaluate
from image_classifier.golden import check_golden_vectors
from tests.training.tiny_images import smooth_images
from training.bundling import Identity, Measurement, commit, write_bundle
from training.dataset import CLASSES
from training.loading import encoded_images
from training.pictures import labelled, labelled_files
from training.samples import EVALUATION_PER_CLASS, EVALUATION_SEED, SEED, evaluate_scenes, golden_pictures
from training.settings import load_settings

MAX_BYTES = {"fast": 2_000_000, "accurate": 5_000_000}
STATED = Path(__file__).parents[2] / "docs" / "samples.md"


@pytest.fixture(scope="module")
def fast() -> Bundle:
    return load_bundle("fast")


@pytest.fixture(scope="module", params=MAX_BYTES)
def shipped(request: pytest.FixtureRequest) -> Bundle:
    return load_bundle(request.param)


def test_these_ship() -> None:
    assert set(shipped_names()) == set(MAX_BYTES)


def test_it_answers_its_golden_vectors(shipped: Bundle) -> None:
    assert check_golden_vectors(Classifier(shipped)) == len(list(golden_pictures()))


def test_it_is_int8_small_and_knows_the_ten_classes(shipped: Bundle) -> None:
    assert shipped.labels == CLASSES
    assert shipped.version == load_settings(shipped.name).version
    assert (shipped.input.dtype, shipped.output.dtype) == ("int8", "int8")
    assert len(shipped.model_bytes) <= MAX_BYTES[shipped.name]


def test_its_input_is_the_pixel_minus_128(shipped: Bundle) -> None:
    png = dict(golden_pictures())["small-horse"]
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), np.int16)
    assert np.array_equal(Classifier(shipped).tensor(png)[0], pixels - 128)


def test_it_is_as_accurate_on_jpeg_as_it_states(shipped: Bundle, cifar10_dir: Path) -> None:
    stated = next(row for row in shipped.measured["accuracy"] if row["data"] == "CIFAR-10 test, JPEG files")
    assert stated["n"] == 10_000
    files = encoded_images(cifar10_dir, "test")
    result = evaluate(Classifier(shipped), labelled_files(files, "test"))
    assert result.n == stated["n"]
    assert result.top1 >= stated["top1"] - 0.002


def test_the_documents_number_of_right_drawings_is_true(fast: Bundle) -> None:
    result = evaluate_scenes(str(fast.folder), EVALUATION_SEED, EVALUATION_PER_CLASS)
    right = sum(result.confusion[number, number] for number in range(len(CLASSES)))
    text = STATED.read_text(encoding="utf-8")
    assert result.n == 100
    # another processor may draw or round one scene across a decision's edge
    assert any(f"**{right + near} of 100**" in text for near in (-1, 0, 1)), f"{right} of 100"
    assert f"seed {EVALUATION_SEED}" in text
    assert f"seed {SEED}" in text


def test_a_bundle_is_written_whole_and_measured(fast: Bundle, tmp_path: Path) -> None:
    data = smooth_images(20, 8)
    bundle = write_bundle(
        tmp_path / "copy",
        identity=Identity.of(load_settings("fast")),
        model=fast.model_bytes,
        training={"data": "none", "commit": commit(), "seed": 0},
        measurements=[Measurement("tiny", labelled(data, "tiny"))],
    )
    assert bundle.name == "copy"
    assert bundle.sha256 == fast.sha256
    assert bundle.golden_vectors == fast.golden_vectors
    assert [(row["data"], row["n"]) for row in bundle.measured["accuracy"]] == [("tiny", 20)]
    assert bundle.measured["latency"][0]["medianMs"] > 0
    assert sorted(path.name for path in bundle.folder.iterdir()) == ["bundle.json", "copy.tflite"]


def test_a_refused_model_leaves_the_old_bundle(fast: Bundle, tmp_path: Path) -> None:
    out = tmp_path / "copy"
    arguments = {
        "identity": Identity.of(load_settings("fast")),
        "training": {"data": "none", "commit": "0", "seed": 0},
        "measurements": [Measurement("tiny", labelled(smooth_images(5, 8), "tiny"))],
    }
    write_bundle(out, model=fast.model_bytes, **arguments)  # type: ignore[arg-type]
    with pytest.raises(BundleError):
        write_bundle(out, model=b"TFL3 no model", **arguments)  # type: ignore[arg-type]
    assert load_bundle(out).sha256 == fast.sha256
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


def test_the_commit_names_this_repository() -> None:
    here = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False
    )
    assert commit().removesuffix("-dirty") == (here.stdout.strip() or "unknown")
