"""Which records the report may use, and what is lost on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from image_classifier.bundle import load_bundle
from image_classifier.classifier import Classifier
from tests.training.report_data import FRACTION, LOSSLESS_FRACTION, SEED, write_bundle, write_data
from tests.training.tiny_images import smooth_images
from training.augmentation import encode_jpeg, recompress
from training.dataset import CLASSES, LabelledImages
from training.loading import load_training
from training.report.held_out import HeldOutUnknownError, lossless_held_out
from training.report.jpeg_quality import CHROMA, QUALITIES, paired_drop, sweep
from training.settings import load_settings
from training.split import Split


def test_the_drop_is_paired() -> None:
    better = np.array([1, 1, 1, 1, 0, 0, 0, 1], bool)
    worse = np.array([1, 1, 0, 0, 1, 0, 0, 1], bool)  # two lost, one won
    drop = paired_drop(better, worse)
    differences = [0, 0, 1, 1, -1, 0, 0, 0]
    assert drop.top1 == pytest.approx(1 / 8)
    assert drop.standard_error == pytest.approx(np.std(differences, ddof=1) / np.sqrt(8), abs=1e-6)
    assert (drop.better, drop.worse) == (95, 50)


def test_records_that_stay_as_they_are_leave_no_error() -> None:
    half = np.array([True, False] * 20)
    assert paired_drop(half, half).standard_error == 0


def test_held_out_records_are_those_of_the_training(tmp_path: Path) -> None:
    """By the configuration's own rule, which trained the bundle."""
    data = write_data(tmp_path / "data")
    bundle, source = write_bundle(tmp_path / "seed", data), load_training(data)
    settings = load_settings("seed").model_copy(
        update={
            "seed": SEED,
            "validation_fraction": FRACTION,
            "lossless_validation_fraction": LOSSLESS_FRACTION,
        }
    )
    split = Split.of(source, settings)
    records = lossless_held_out(bundle, source)
    learnt = {image.tobytes() for image in split.training.images}
    assert len(records) > 5
    assert not any(image.tobytes() in learnt for image in records.images)
    originals = {image.tobytes() for image in source.data.images[source.lossless]}
    assert all(image.tobytes() in originals for image in records.images)
    assert len(records) == int(source.lossless[split.held_out].sum())


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"data": "pictures of mine"},
            r"seed was trained on other data \(pictures of mine\) than what is here",
        ),
        ({"heldOut": 3}, "seed held out 3 images; drawn again from the same seed they are"),
        ({"settings": {}}, r"bundle\.json does not say what was held out"),
    ],
)
def test_doubt_is_no_measurement(tmp_path: Path, changes: dict[str, Any], problem: str) -> None:
    data = write_data(tmp_path / "data")
    bundle = write_bundle(tmp_path / "seed", data, changes)
    with pytest.raises(HeldOutUnknownError, match=problem):
        lossless_held_out(bundle, load_training(data))


def test_a_bundle_that_held_out_no_lossless_record_is_not_measured(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data")
    bundle = write_bundle(tmp_path / "seed", data, lossless_fraction=0.001)
    with pytest.raises(
        HeldOutUnknownError, match="none of the images held out of the training of seed is lossless"
    ):
        lossless_held_out(bundle, load_training(data))


def test_the_sweep_classifies_the_files_of_each_quality(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data")
    bundle = write_bundle(tmp_path / "seed", data)
    records = lossless_held_out(bundle, load_training(data))
    classifier, told = Classifier(bundle), list[float]()
    report = sweep({"seed": classifier, "other": classifier}, records, "seed", told.append)
    assert (report.n, report.qualities) == (len(records), QUALITIES)
    assert [(c.model, c.chroma, c.seen_in_training) for c in report.curves] == [
        ("seed", "4:2:0", False),
        ("other", "4:2:0", True),
        ("seed", "4:4:4", False),
        ("other", "4:4:4", True),
    ]
    for chroma in CHROMA:
        curve = report.curve("seed", chroma)
        assert curve.top1 == report.curve("other", chroma).top1
        assert curve.drop.top1 == pytest.approx(
            curve.top1[QUALITIES.index(95)] - curve.top1[QUALITIES.index(50)], abs=2e-6
        )
    assert told == sorted(told)
    assert len(told) == len(CHROMA) * len(QUALITIES)


@pytest.mark.parametrize(("chroma", "subsampling"), CHROMA.items())
def test_each_point_is_of_its_own_quality_and_chroma(chroma: str, subsampling: int) -> None:
    """The truths are what the model says of one encoding: there, and there alone, it is always right."""
    classifier, images = Classifier(load_bundle("fast")), smooth_images(60, 9).images
    files = [encode_jpeg(image, 20, subsampling) for image in images]
    answers = [CLASSES.index(classifier.classify(file).top[0].label) for file in files]
    records = LabelledImages(images, np.array(answers, np.uint8))
    report = sweep({"fast": classifier}, records, "fast")
    points = {
        (c.chroma, q): top1 for c in report.curves for q, top1 in zip(report.qualities, c.top1, strict=True)
    }
    assert [point for point, top1 in points.items() if top1 == 1] == [(chroma, 20)]


def test_a_training_jpeg_is_the_same_file(tmp_path: Path) -> None:
    """The report measures on what training showed: one encoder."""
    image = load_training(write_data(tmp_path / "data")).data.images[0]
    assert len(encode_jpeg(image, 20, 2)) < len(encode_jpeg(image, 95, 2)) < len(encode_jpeg(image, 95, 0))
    assert np.abs(recompress(image, 95, 0).astype(int) - image).mean() < 4
