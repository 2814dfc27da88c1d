"""Kubernetes objects as rendered, and what the rules ask of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]
Documents = Sequence[Document]

POD_KINDS = ("Deployment", "ServingRuntime")
"""Kinds here that hold a pod; KServe makes a Deployment of a ServingRuntime."""


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod that one of the objects describes. `owner`: `Deployment/serving`."""

    owner: str
    labels: Mapping[str, str]
    spec: Document

    def containers(self) -> Iterator[tuple[str, Document]]:
        """Every container with where it is, those that run before the others too."""
        for group in ("initContainers", "containers"):
            for container in self.spec.get(group, ()):
                yield f"{self.owner}: {container.get('name')}", container


def name_of(document: Document) -> str:
    """`Deployment/serving`, as kubectl writes it."""
    return f"{document.get('kind')}/{document.get('metadata', {}).get('name')}"


def of_kind(documents: Documents, *kinds: str) -> Iterator[Document]:
    """Those of the kinds, in the order in which they were rendered."""
    return (document for document in documents if document.get("kind") in kinds)


def named(documents: Documents, kind: str, name: object) -> Document | None:
    """The one of this kind and name."""
    return next((d for d in of_kind(documents, kind) if d["metadata"].get("name") == name), None)


def pods(documents: Documents) -> Iterator[Pod]:
    """The pods of all objects that make some. A runtime's pod is what its InferenceService adds to it."""
    for document in of_kind(documents, *POD_KINDS):
        spec = document["spec"]
        if document["kind"] == "ServingRuntime":
            users = of_kind(documents, "InferenceService")
            predictors = [user["spec"]["predictor"] for user in users]
            used = (
                p for p in predictors if p.get("model", {}).get("runtime") == document["metadata"]["name"]
            )
            yield Pod(name_of(document), spec.get("labels", {}), {**spec, **next(used, {})})
        else:
            template = spec["template"]
            yield Pod(name_of(document), template.get("metadata", {}).get("labels", {}), template["spec"])


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether a selector that is not empty fits the labels; of expressions only `matchLabels` are used here."""
    wanted = (selector or {}).get("matchLabels", {})
    return bool(wanted) and wanted.items() <= labels.items()
