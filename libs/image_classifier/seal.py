"""Writing a bundle: everything that can be read from the model or computed is, the rest is the draft's."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from image_classifier.bundle import DOCUMENT, Bundle, GoldenVector, load_bundle, parse_document
from image_classifier.classifier import Classifier
from image_classifier.containers import image_format
from image_classifier.errors import BundleError
from image_classifier.golden import check_golden_vectors, measured_tolerance, tensor_sha256
from image_classifier.model import open_model, single_tensor, tensor_facts
from image_classifier.preprocess import Preprocessor


def seal(folder: Path, draft: Mapping[str, Any], images: Mapping[str, bytes]) -> Bundle:
    """Write `folder/bundle.json` for the model that already lies there, and load it as every user will.

    Args:
        folder: holds the file that `draft["file"]` names.
        draft: a bundle document without `sha256`, without `shape`, `dtype`, `scale`, `zeroPoint` of input and
            output, and without `goldenVectors.vectors` (whatever of it is there is replaced). Where it states no
            `goldenVectors.tolerance`, that is measured (`measured_tolerance`).
        images: name -> encoded PNG or JPEG of each golden vector.

    Raises:
        BundleError: model and draft do not fit together; nothing is written then.
        BadImageError: a golden picture cannot be decoded.
    """
    document = copy.deepcopy(dict(draft))
    _state_model_facts(folder, document)
    bundle = _with_tolerance(folder, document, images)
    classifier = Classifier(bundle)
    vectors = [_vector(classifier, name, image) for name, image in images.items()]
    classifier.bundle = replace(bundle, golden_vectors=tuple(vectors))
    check_golden_vectors(classifier)
    document["goldenVectors"] = {
        "tolerance": bundle.golden_tolerance,
        "vectors": [_vector_document(vector) for vector in vectors],
    }
    temporary = folder / f".{DOCUMENT}.new"
    temporary.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    temporary.replace(folder / DOCUMENT)
    return load_bundle(folder)


def _state_model_facts(folder: Path, document: dict[str, Any]) -> None:
    path = folder / str(document.get("file"))
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BundleError(path, f"cannot be read: {error.strerror}") from None
    interpreter = open_model(path, content, 1)
    document["sha256"] = hashlib.sha256(content).hexdigest()
    for kind, details in (
        ("input", interpreter.get_input_details()),
        ("output", interpreter.get_output_details()),
    ):
        facts = tensor_facts(path, single_tensor(path, details, kind), kind)
        if kind == "output":
            del facts["shape"]
        document[kind] = facts | {k: v for k, v in document.get(kind, {}).items() if k not in facts}


def _with_tolerance(folder: Path, document: dict[str, Any], images: Mapping[str, bytes]) -> Bundle:
    """The bundle without its vectors; `tolerance` is the draft's or measured."""
    stated = {"tolerance": 0, **document.get("goldenVectors", {}), "vectors": []}
    bundle = parse_document(folder, document | {"goldenVectors": stated})
    if "tolerance" in document.get("goldenVectors", {}):
        return bundle
    preprocessor = Preprocessor(bundle.input)
    tensors = [preprocessor.tensor(image) for image in images.values()]
    return replace(bundle, golden_tolerance=measured_tolerance(bundle, tensors))


def _vector(classifier: Classifier, name: str, image: bytes) -> GoldenVector:
    tensor = classifier.tensor(image)
    return GoldenVector(
        name=name,
        content_type="image/png" if image_format(image) == "PNG" else "image/jpeg",
        image=image,
        tensor_sha256=tensor_sha256(tensor),
        probabilities=tuple(round(float(p), 6) for p in classifier.probabilities(tensor)),
    )


def _vector_document(vector: GoldenVector) -> dict[str, Any]:
    return {
        "name": vector.name,
        "contentType": vector.content_type,
        "image": base64.b64encode(vector.image).decode("ascii"),
        "tensorSha256": vector.tensor_sha256,
        "probabilities": list(vector.probabilities),
    }
