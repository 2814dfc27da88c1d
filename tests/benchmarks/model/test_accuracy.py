"""Every model sees the same pictures, each decoded once, and what cannot be decoded is in no count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.model.accuracy import Accuracy, accuracies
from benchmarks.model.data_sets import DataSet, named_folder
from benchmarks.model.subjects import load_bundles, load_references
from image_classifier.bundle import Bundle
from image_classifier.labelled import Labelled
from tests.image_classifier.tiny_model import Tiny, make_bundle
from training.dataset import CLASSES


def test_labels_are_compared_by_name_not_by_number(tmp_path: Path, pictures: Path) -> None:
    # The tiny model's first output means red, which here is called bird, and bird is blue.
    turned = ("bird", "automobile", "airplane", *CLASSES[3:])
    bundle = make_bundle(tmp_path / "turned", Tiny(outputs=10), labels=list(turned))
    subjects = load_bundles([str(bundle.folder)], 1)
    assert accuracies(subjects, named_folder("colours", pictures, CLASSES), 1) == {"turned": Accuracy(2, 6)}


def test_pictures_of_models_of_one_size_are_decoded_once(tmp_path: Path) -> None:
    folders = [make_bundle(tmp_path / name, Tiny(outputs=10), labels=list(CLASSES)).folder for name in "ab"]
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 200
    once = (Labelled(red, label, "memory") for label in (0, 0, 1))  # a second reading would find nothing
    found = accuracies(load_bundles(map(str, folders), 1), DataSet("once", CLASSES, once), 1)
    assert found == {"a": Accuracy(2, 3), "b": Accuracy(2, 3)}


def test_models_of_another_size_get_pictures_of_theirs(
    bundle: Bundle, reference: Path, pictures: Path
) -> None:
    subjects = [*load_references([reference], CLASSES, 1), *load_bundles([str(bundle.folder)], 1)]
    assert [subject.bundle.input.width for subject in subjects] == [32, 8]
    shares: list[float] = []
    found = accuracies(subjects, named_folder("colours", pictures, CLASSES), 1, shares.append)
    assert found == {"reference.tflite": Accuracy(6, 6), "tiny": Accuracy(6, 6)}
    assert shares == [0.0, 0.5]


def test_what_cannot_be_decoded_is_told_and_in_no_count(
    bundle: Bundle, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pictures / "bird" / "3.jpg").write_bytes(b"no picture")
    subjects = load_bundles([str(bundle.folder)], 1)
    assert accuracies(subjects, named_folder("colours", pictures, CLASSES), 1)["tiny"] == Accuracy(6, 6)
    assert "colours: 1 pictures cannot be decoded and are left out, first" in capsys.readouterr().err
    with pytest.raises(BenchmarkError, match="bad: no picture that can be decoded"):
        accuracies(subjects, DataSet("bad", CLASSES, [Labelled(b"no picture", 0, "x")]), 1)


def test_pictures_with_other_labels_than_the_model_s_are_refused(tmp_path: Path, pictures: Path) -> None:
    subjects = load_bundles([str(make_bundle(tmp_path / "rgb").folder)], 1)
    with pytest.raises(BenchmarkError, match=r"colours: has the labels airplane.*but rgb answers with red"):
        accuracies(subjects, named_folder("colours", pictures, CLASSES), 1)
