"""KServe's custom resources, checked against the classes of its own Python package, which are generated from its API.

The classes are read as source (`openapi_types`, `attribute_map`): an import would need a
model server's packages. Fields of Kubernetes' types inside are checked as parts of a Pod by Kubernetes' schemas.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import kubernetes_validate

from targets.kubernetes.documents import Document

_CLASSES = {
    ("serving.kserve.io/v1alpha1", "ServingRuntime"): "V1alpha1ServingRuntime",
    ("serving.kserve.io/v1beta1", "InferenceService"): "V1beta1InferenceService",
}
_OURS = re.compile(r"^V1(alpha|beta)\d")
_OF_A_CONTAINER = frozenset({"V1beta1ModelSpec"})
"""Classes whose Kubernetes fields are a container's; elsewhere they are a pod's."""
_PLAIN = {"str": str, "int": int, "bool": bool}


def problems(document: Document, version: str) -> Iterator[str]:
    """One line for each field that is unknown, missing or of another type. `version`: of Kubernetes' schemas."""
    key = (str(document.get("apiVersion")), str(document.get("kind")))
    if key not in _CLASSES:
        yield f"no schema for {key[1]} of {key[0]} is known here"
        return
    yield from _object(_CLASSES[key], document, "", version)


def _object(name: str, given: Any, place: str, version: str) -> Iterator[str]:
    if not isinstance(given, dict):
        yield f"{place}: {given!r} is no object"
        return
    fields, required = _class(name)
    yield from (f"{place}.{field}: is missing".lstrip(".") for field in sorted(required - given.keys()))
    of_kubernetes = {}
    for field, value in given.items():
        here = f"{place}.{field}".lstrip(".")
        if field not in fields:
            yield f"{here}: there is no such field"
        elif fields[field].startswith("list[V1") and _OURS.match(fields[field][5:]):
            for number, one in enumerate(value):
                yield from _object(fields[field][5:-1], one, f"{here}.{number}", version)
        elif _OURS.match(fields[field]):
            yield from _object(fields[field], value, here, version)
        elif fields[field] in _PLAIN and type(value) is not _PLAIN[fields[field]]:
            yield f"{here}: {value!r} is not of type {fields[field]}"
        elif "V1" in fields[field] and fields[field] != "V1ObjectMeta":
            of_kubernetes[field] = value
    yield from _as_pod(of_kubernetes, place, version, container=name in _OF_A_CONTAINER)


def _as_pod(fields: Document, place: str, version: str, *, container: bool) -> Iterator[str]:
    if not fields:
        return
    spec = (
        {"containers": [{"name": "x", **fields}]} if container else {"containers": [{"name": "x"}], **fields}
    )
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec}
    try:
        kubernetes_validate.validate(pod, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        inner = (
            ".".join(map(str, error.path))
            .removeprefix("spec.")
            .removeprefix("containers.0." if container else "")
        )
        yield f"{place}.{inner}: {error.message}"


@cache
def _class(name: str) -> tuple[dict[str, str], frozenset[str]]:
    """Type by JSON name, and the JSON names that must be there."""
    package = find_spec("kserve")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("kserve (requirements/kubernetes.txt)")
    folder = Path(package.origin).parent / "models"
    tree = ast.parse((folder / f"{_file_name(name)}.py").read_text(encoding="utf-8"))
    tables = {
        target.id: ast.literal_eval(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(target := node.targets[0], ast.Name)
        and target.id in {"openapi_types", "attribute_map"}
    }  # fmt: skip
    json_names = tables["attribute_map"]
    fields = {json_names[attribute]: kind for attribute, kind in tables["openapi_types"].items()}
    source = ast.unparse(tree)
    required = {
        found for attribute, found in json_names.items() if f"Invalid value for `{attribute}`" in source
    }
    return fields, frozenset(required)


def _file_name(name: str) -> str:
    """`V1beta1TFServingSpec` -> `v1beta1_tf_serving_spec`, as the generator names files."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
