"""The known pictures are the camera's own drawings, and every shipped model names each of them rightly."""

from __future__ import annotations

import hashlib
import json

import pytest

from image_classifier.bundle import load_bundle
from image_classifier.classifier import Classifier
from release.smoke.known import known_pictures
from tests.e2e.device import ROOT

SAMPLES = ROOT / "modules" / "camera" / "camera" / "samples"
INDEX = {
    entry["file"]: entry["label"] for entry in json.loads((SAMPLES / "index.json").read_text())["scenes"]
}
MODELS = sorted(
    path.name for path in (ROOT / "libs" / "image_classifier" / "bundles").iterdir() if path.is_dir()
)


def test_they_are_drawings_that_the_camera_ships_with_all_ten_classes() -> None:
    pictures = known_pictures()
    assert pictures.drawings == len(INDEX)
    for picture in pictures.known:
        assert INDEX[picture.file] == picture.label
        assert hashlib.sha256((SAMPLES / picture.file).read_bytes()).hexdigest() == picture.sha256
    assert {picture.label for picture in pictures.known} == set(INDEX.values())
    assert len({picture.sha256 for picture in pictures.known}) == len(pictures.known)


@pytest.mark.parametrize("model", MODELS)
def test_every_shipped_model_knows_them(model: str) -> None:
    """Where it does not any more, take the picture out of release/smoke/known.json, or another one of its class in."""
    classifier = Classifier(load_bundle(model))
    for picture in known_pictures().known:
        answer = classifier.classify((SAMPLES / picture.file).read_bytes(), top_k=1)
        assert (answer.top[0].label, answer.abstained) == (picture.label, False), picture.file
        assert answer.top[0].probability > 0.5, picture.file
