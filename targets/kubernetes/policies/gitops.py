"""Rules for Flux: what a cluster pulls, and from where."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from targets.kubernetes.documents import Documents, name_of, named, of_kind

ROOT = Path(__file__).resolve().parents[3]
_PRUNE = "kustomize.toolkit.fluxcd.io/prune"


def flux_source(documents: Documents) -> Iterator[str]:
    """Encrypted, without a password in the address, and narrowed to what is deployed."""
    for source in of_kind(documents, "GitRepository"):
        spec = source["spec"]
        url = urlsplit(spec["url"])
        if url.scheme not in {"https", "ssh"}:
            yield f"{name_of(source)}: url must be https or ssh, not {url.scheme}"
        if url.password is not None or (url.scheme == "https" and url.username is not None):
            yield f"{name_of(source)}: url holds a login: name a Secret in secretRef"
        if not spec.get("ref"):
            yield f"{name_of(source)}: ref is missing: Flux would take the branch master"


def kept_namespace(documents: Documents) -> Iterator[str]:
    """Flux leaves a namespace in the cluster: what people made in it would be deleted with it."""
    for namespace in of_kind(documents, "Namespace"):
        if namespace["metadata"].get("annotations", {}).get(_PRUNE, "").lower() != "disabled":
            yield f"{name_of(namespace)}: the annotation {_PRUNE} must be disabled: its Secrets would go with it"


def flux_kustomization(documents: Documents) -> Iterator[str]:
    """It finds its source and a folder that is there, removes what was removed, and knows when to call it failed."""
    for kustomization in of_kind(documents, "Kustomization"):
        spec, where = kustomization["spec"], name_of(kustomization)
        if named(documents, spec["sourceRef"]["kind"], spec["sourceRef"]["name"]) is None:
            yield f"{where}: there is no {spec['sourceRef']['kind']} {spec['sourceRef']['name']}"
        if not (ROOT / spec.get("path", ".") / "kustomization.yaml").is_file():
            yield f"{where}: path {spec.get('path')} holds no kustomization.yaml"
        if spec.get("prune") is not True:
            yield f"{where}: prune must be true: what leaves git would stay in the cluster"
        if not (spec.get("wait") or spec.get("healthChecks")) or not spec.get("timeout"):
            yield f"{where}: wait and timeout are missing: it would be called ready before its pods are"
