"""The document: what is refused, and that the error names file, field, expected and actual."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from image_classifier import bundle as bundle_module
from image_classifier.bundle import Bundle, find_bundle, load_bundle, shipped_names
from image_classifier.classifier import Classifier
from image_classifier.errors import BundleError, BundleNotFoundError
from image_classifier.golden import check_golden_vectors
from tests.image_classifier.tiny_model import edit, make_bundle

MISSING = object()

BAD_FIELDS: list[tuple[tuple[str | int, ...], Any, str]] = [
    (("schema",), "bundle/2", "schema"),
    (("schema",), MISSING, "schema"),
    (("name",), "../evil", "name"),
    (("name",), "", "name"),
    (("version",), "1", "version"),
    (("version",), 1.0, "version"),
    (("licence",), "", "licence"),
    (("file",), "../tiny.tflite", "file"),  # never outside the bundle's folder
    (("file",), "/etc/passwd", "file"),
    (("file",), ".hidden.tflite", "file"),
    (("sha256",), "abc", "sha256"),
    (("sha256",), "A" * 64, "sha256"),  # upper case
    (("sha256",), None, "sha256"),
    (("labels",), [], "labels"),
    (("labels",), ["red", "green", "red"], "labels"),
    (("labels",), ["red", "green", 3], "labels[2]"),
    (("labels",), ["red", "green", "b" * 65], "labels[2]"),
    (("labels",), "red", "labels"),
    (("lables",), ["red"], "lables"),  # a misspelt key is not ignored
    (("input", "shape"), [8, 8, 3], "input.shape"),
    (("input", "shape"), [1, 8, 8, 1], "input.shape"),
    (("input", "shape"), [1, 0, 8, 3], "input.shape[1]"),
    (("input", "shape"), [1, True, 8, 3], "input.shape[1]"),
    (("input", "dtype"), "int16", "input.dtype"),
    (("input", "scale"), 0, "input.scale"),  # zero scale
    (("input", "scale"), -0.5, "input.scale"),
    (("input", "scale"), "0.5", "input.scale"),
    (("input", "zeroPoint"), 128, "input.zeroPoint"),
    (("input", "zeroPoint"), -128.0, "input.zeroPoint"),
    (("input", "colourOrder"), "GRB", "input.colourOrder"),
    (("input", "resize"), "squash", "input.resize"),
    (("input", "resize", "rule"), "stretch", "input.resize.rule"),
    (("input", "resize", "interpolation"), "lanczos", "input.resize.interpolation"),
    (("input", "resize", "mode"), "x", "input.resize.mode"),
    (("input", "normalisation", "mean"), [0, 0], "input.normalisation.mean"),
    (("input", "normalisation", "standardDeviation"), [1, 1, 0], "input.normalisation.standardDeviation[2]"),
    (("output", "activation"), "sigmoid", "output.activation"),
    (("output", "dtype"), MISSING, "output.dtype"),
    (("abstention", "margin"), 1.5, "abstention.margin"),
    (("abstention", "margin"), float("nan"), "abstention.margin"),
    (("abstention", "margin"), 10**400, "abstention.margin"),  # more than any float
    (("input", "scale"), float("inf"), "input.scale"),
    (("training", "seed"), MISSING, "training.seed"),
    (("measured",), [], "measured"),
    (("goldenVectors", "tolerance"), 0.9, "goldenVectors.tolerance"),
    (("goldenVectors", "vectors", 0, "image"), "not base64!", "goldenVectors.vectors[0].image"),
    (("goldenVectors", "vectors", 0, "tensorSha256"), "00", "goldenVectors.vectors[0].tensorSha256"),
    (("goldenVectors", "vectors", 1, "probabilities"), [0.5, 0.5], "goldenVectors.vectors[1].probabilities"),
    (("goldenVectors", "vectors", 1, "contentType"), "image/gif", "goldenVectors.vectors[1].contentType"),
]


@pytest.mark.parametrize(("path", "value", "field"), BAD_FIELDS)
def test_a_bad_field_is_named(
    tiny_bundle: Bundle, path: tuple[str | int, ...], value: object, field: str
) -> None:
    if value is MISSING:
        document = json.loads(tiny_bundle.document_path.read_text())
        target = document
        for step in path[:-1]:
            target = target[step]
        del target[path[-1]]
        tiny_bundle.document_path.write_text(json.dumps(document))
    else:
        edit(tiny_bundle, *path, value=value)
    with pytest.raises(BundleError) as caught:
        load_bundle(tiny_bundle.folder)
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{tiny_bundle.document_path}: {field}: ")


def test_every_field_of_the_document_is_read(tiny_bundle: Bundle) -> None:
    again = load_bundle(tiny_bundle.folder)
    assert again == tiny_bundle
    assert again.labels == ("red", "green", "blue")
    assert (again.input.height, again.input.width, again.input.dtype) == (8, 8, "int8")
    assert [vector.name for vector in again.golden_vectors] == ["orange", "mixed"]
    assert again.margin == 0.1


def test_notes_in_measured_and_training_are_kept(tmp_path: Path) -> None:
    training = {"data": "d", "commit": "c", "seed": 1, "epochs": 10}
    bundle = make_bundle(tmp_path / "b", training=training, measured={"note": [1]})
    assert (bundle.training, bundle.measured) == (training, {"note": [1]})


@pytest.mark.parametrize("damage", ["flip", "cut", "grow", "empty"])
def test_a_model_file_that_is_not_the_described_one_is_refused(tiny_bundle: Bundle, damage: str) -> None:
    raw = tiny_bundle.model_path.read_bytes()
    changed = {
        "flip": raw[:99] + bytes([raw[99] ^ 1]) + raw[100:],
        "cut": raw[:-1],
        "grow": raw + b"\0",
        "empty": b"",
    }
    tiny_bundle.model_path.write_bytes(changed[damage])
    with pytest.raises(
        BundleError, match=r"bundle\.json: sha256: the file tiny\.tflite is not the one"
    ) as caught:
        load_bundle(tiny_bundle.folder)
    assert caught.value.expected == tiny_bundle.sha256


@pytest.mark.parametrize("text", ["", "{", "[1]", "\x00", "[" * 100_000, '{"schema": "bundle/1"'])
def test_a_document_that_is_not_json_or_not_an_object_is_refused(tiny_bundle: Bundle, text: str) -> None:
    tiny_bundle.document_path.write_text(text)
    with pytest.raises(BundleError, match=r"bundle\.json: "):
        load_bundle(tiny_bundle.folder)


@pytest.mark.parametrize(
    ("key", "text", "problem"),
    [
        ("training", '{"data": "\\ud800"}', "surrogates not allowed"),
        ("labels", '["\\udfff"]', "surrogates not allowed"),
        ("measured", '{"a": ' * 40 + "1" + "}" * 40, "nested more than 32 levels deep"),
        ("labels", "[" * 950 + "]" * 950, "nested more than 32 levels deep|recursion"),
        ("measured", "9" * 5000, "Exceeds the limit"),
    ],
)
def test_a_document_that_would_break_who_repeats_it_is_refused(
    tiny_bundle: Bundle, key: str, text: str, problem: str
) -> None:
    """Such values pass the JSON parser and fail where they are printed, compared or sent."""
    document = json.loads(tiny_bundle.document_path.read_text())
    del document[key]
    tiny_bundle.document_path.write_text(f'{{"{key}": {text}, {json.dumps(document)[1:]}')
    with pytest.raises(BundleError, match=rf"bundle\.json: not a JSON document: .*({problem})") as caught:
        load_bundle(tiny_bundle.folder)
    str(caught.value).encode("utf-8")


def test_a_missing_model_file_is_named(tiny_bundle: Bundle) -> None:
    tiny_bundle.model_path.unlink()
    with pytest.raises(BundleError, match=r"tiny\.tflite: cannot be read: No such file"):
        load_bundle(tiny_bundle.folder)


def test_a_huge_file_is_not_read(tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle_module, "MAX_MODEL_BYTES", 100)
    with pytest.raises(BundleError, match="too large"):
        load_bundle(tiny_bundle.folder)


def test_a_bundle_is_found_by_name_folder_or_document(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle_module, "SHIPPED", tiny_bundle.folder.parent)
    assert shipped_names() == ["tiny"]
    for spelling in ("tiny", tiny_bundle.folder, str(tiny_bundle.document_path)):
        assert find_bundle(spelling) == tiny_bundle.folder


@pytest.mark.parametrize(
    "name", ["nothing", "", ".", "../image_classifier", "/nowhere/at/all", "a/b", "a" * 5000]
)
def test_an_unknown_bundle_names_the_shipped_ones(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BundleNotFoundError, match="shipped bundles: "):
        find_bundle(name)


@pytest.mark.parametrize("name", shipped_names())
def test_a_shipped_bundle_gives_its_golden_vectors(name: str) -> None:
    bundle = load_bundle(name)
    assert bundle.name == name
    assert check_golden_vectors(Classifier(bundle)) >= 3
