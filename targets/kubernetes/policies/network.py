"""Rules for the way to the service: namespace, policy, Service, Ingress."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from targets.kubernetes.documents import Document, Documents, Pod, name_of, named, of_kind, pods, selects

_INSIDE = "/metrics"
_LEVEL = "pod-security.kubernetes.io/enforce"


def namespace(documents: Documents) -> Iterator[str]:
    """One namespace, which enforces the restricted standard itself, holds everything."""
    namespaces = [document["metadata"]["name"] for document in of_kind(documents, "Namespace")]
    for document in of_kind(documents, "Namespace"):
        if document["metadata"].get("labels", {}).get(_LEVEL) != "restricted":
            yield f"{name_of(document)}: the label {_LEVEL} must be restricted"
    for document in documents:
        found = document.get("metadata", {}).get("namespace")
        if namespaces and document.get("kind") != "Namespace" and found not in namespaces:
            yield f"{name_of(document)}: its namespace is {found}, not {' or '.join(namespaces)}"


def network_policy(documents: Documents) -> Iterator[str]:
    """Every pod is under a policy in both directions, and none admits everybody."""
    policies = list(of_kind(documents, "NetworkPolicy"))
    for policy in policies:
        spec = policy["spec"]
        if set(spec.get("policyTypes", ())) != {"Ingress", "Egress"}:
            yield f"{name_of(policy)}: policyTypes must be Ingress and Egress: what is not named stays open"
        for direction, peers in (("ingress", "from"), ("egress", "to")):
            for rule in spec.get(direction, ()):
                if not rule.get(peers) or any(not any(peer.values()) for peer in rule[peers]):
                    yield f"{name_of(policy)}: a rule of {direction} admits everybody: name {peers}"
                if not rule.get("ports"):
                    yield f"{name_of(policy)}: a rule of {direction} admits every port: name them"
    for pod in _deployed(documents):
        if not any(selects(policy["spec"].get("podSelector"), pod.labels) for policy in policies):
            yield f"{pod.owner}: no NetworkPolicy selects its pods"


def service(documents: Documents) -> Iterator[str]:
    """A Service finds pods, and its port is one that they name."""
    for document in of_kind(documents, "Service"):
        spec = document["spec"]
        found = [
            pod
            for pod in _deployed(documents)
            if selects({"matchLabels": spec.get("selector", {})}, pod.labels)
        ]
        if not found:
            yield f"{name_of(document)}: its selector finds no pod"
        if spec.get("type", "ClusterIP") != "ClusterIP":
            yield f"{name_of(document)}: is a {spec['type']}: only the Ingress faces outward"
        names = {
            port.get("name") for pod in found for _, c in pod.containers() for port in c.get("ports", ())
        }
        for port in spec.get("ports", ()):
            if found and port.get("targetPort") not in names:
                yield f"{name_of(document)}: targetPort {port.get('targetPort')} is no named port of its pods"


def ingress(documents: Documents) -> Iterator[str]:
    """Every host has TLS by a Secret, and a path leads to a port that its Service has."""
    for document in of_kind(documents, "Ingress"):
        spec = document["spec"]
        if not spec.get("ingressClassName"):
            yield f"{name_of(document)}: ingressClassName is missing: it takes whatever controller is the default"
        covered = {
            host for tls in spec.get("tls", ()) if tls.get("secretName") for host in tls.get("hosts", ())
        }
        for rule in spec.get("rules", ()):
            if rule.get("host") not in covered:
                yield f"{name_of(document)}: the host {rule.get('host')} has no TLS certificate: keys would be readable"
            for path in rule["http"]["paths"]:
                yield from _backend(documents, name_of(document), path["backend"].get("service", {}))
                if _reaches(path, _INSIDE):
                    yield f"{name_of(document)}: path {path['path']} leads to {_INSIDE}, which needs no key"


def _reaches(path: dict[str, Any], url: str) -> bool:
    """As `pathType` Exact and Prefix are defined: a prefix ends at a slash."""
    if path["pathType"] == "Exact":
        return bool(path["path"] == url)
    return f"{url}/".startswith(f"{path['path'].rstrip('/')}/")


def _backend(documents: Documents, where: str, backend: dict[str, Any]) -> Iterator[str]:
    target: Document | None = named(documents, "Service", backend.get("name"))
    ports = {port.get("name") for port in target["spec"]["ports"]} if target else set()
    if target is None:
        yield f"{where}: there is no Service {backend.get('name')}"
    elif backend.get("port", {}).get("name") not in ports:
        yield f"{where}: the Service {backend.get('name')} has no port named {backend.get('port', {}).get('name')}"


def _deployed(documents: Documents) -> list[Pod]:
    """KServe makes Service and route of a runtime's pods itself."""
    return [pod for pod in pods(documents) if pod.owner.startswith("Deployment/")]
