"""Each object against the schema of its kind: Kubernetes', Flux's and KServe's, as published packages carry them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import kubernetes_validate
import pydantic

from targets.kubernetes import kserve_fields
from targets.kubernetes.documents import Document, name_of

VERSIONS = ("1.31", "1.37")
"""Kubernetes': the oldest that these manifests are for, and the newest whose schemas are packaged."""
_FLUX = {
    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"): "cloudcoil.models.fluxcd.kustomize.v1",
    ("source.toolkit.fluxcd.io/v1", "GitRepository"): "cloudcoil.models.fluxcd.source.v1",
}
"""Modules with a class of the kind's name; importing one makes 2,000 classes, so only who needs it waits for that."""


def problems(document: Document, versions: tuple[str, ...] = VERSIONS) -> Iterator[str]:
    """One line for each place that the object's schema refuses, unknown fields too; `Deployment/serving: ...`."""
    key = (str(document.get("apiVersion")), str(document.get("kind")))
    if key in _FLUX:
        found = _of_model(document, getattr(import_module(_FLUX[key]), key[1]))
    elif key[0].startswith("serving.kserve.io/"):
        found = kserve_fields.problems(document, versions[-1])
    else:
        found = _of_kubernetes(document, versions)
    yield from (f"{name_of(document)}: {line}" for line in found)


def _of_kubernetes(document: Document, versions: tuple[str, ...]) -> Iterator[str]:
    for version in versions:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            place = ".".join(map(str, error.path)) or "the object"
            yield f"{place}: {error.message} (Kubernetes {version})"
        except kubernetes_validate.SchemaNotFoundError:
            yield f"Kubernetes {version} has no {document.get('kind')} of {document.get('apiVersion')}"


def _of_model(document: Document, model: type[pydantic.BaseModel]) -> Iterator[str]:
    try:
        read = model.model_validate(document).model_dump(mode="json", by_alias=True, exclude_unset=True)
    except pydantic.ValidationError as error:
        yield from (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    else:
        yield from (f"{place}: there is no such field" for place in _left_out(document, read, ""))


def _left_out(given: Any, read: Any, place: str) -> Iterator[str]:
    """Where the model has dropped something: it ignores what it does not know."""
    if isinstance(given, dict) and isinstance(read, dict):
        for key, value in given.items():
            here = f"{place}.{key}".lstrip(".")
            if key in read:
                yield from _left_out(value, read[key], here)
            else:
                yield here
    elif isinstance(given, list) and isinstance(read, list):
        for number, (one, other) in enumerate(zip(given, read, strict=True)):
            yield from _left_out(one, other, f"{place}.{number}")
