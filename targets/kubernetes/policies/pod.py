"""Rules for pods. `restricted` is Kubernetes' Pod Security Standard of that name, as far as Linux pods can break it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from targets.kubernetes.documents import Document, Documents, of_kind, pods

_BY_DIGEST = re.compile(r"^[^@\s]+@sha256:[0-9a-f]{64}$")
_HOST_NAMESPACES = ("hostNetwork", "hostPID", "hostIPC")
_VOLUMES = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)
_SECCOMP = ("RuntimeDefault", "Localhost")
_PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def image_by_digest(documents: Documents) -> Iterator[str]:
    """A tag can be moved: what was tested would not be what runs."""
    for pod in pods(documents):
        for where, container in pod.containers():
            if not _BY_DIGEST.match(str(container.get("image"))):
                yield f"{where}: the image {container.get('image')!r} has no digest: give one in `images:`"


def restricted(documents: Documents) -> Iterator[str]:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted."""
    for pod in pods(documents):
        yield from (f"{pod.owner}: {name} is true" for name in _HOST_NAMESPACES if pod.spec.get(name))
        for volume in pod.spec.get("volumes", ()):
            for kind in sorted(volume.keys() - {"name"} - _VOLUMES):
                yield f"{pod.owner}: volume {volume['name']}: {kind} is not among what a restricted pod may mount"
        for where, container in pod.containers():
            yield from _restricted_container(where, container, pod.spec.get("securityContext", {}))


def _restricted_container(where: str, container: Document, of_pod: Document) -> Iterator[str]:
    own = container.get("securityContext", {})
    context = {**of_pod, **own}
    if own.get("allowPrivilegeEscalation") is not False:
        yield f"{where}: securityContext.allowPrivilegeEscalation must be false"
    if own.get("privileged"):
        yield f"{where}: securityContext.privileged is true"
    capabilities = own.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", ()) or capabilities.get("add"):
        yield f"{where}: securityContext.capabilities must drop ALL and add none"
    if context.get("runAsNonRoot") is not True:
        yield f"{where}: securityContext.runAsNonRoot must be true"
    if not context.get("runAsUser"):
        yield f"{where}: securityContext.runAsUser must be a number other than 0, which the kubelet can compare"
    if context.get("seccompProfile", {}).get("type") not in _SECCOMP:
        yield f"{where}: securityContext.seccompProfile.type must be one of {', '.join(_SECCOMP)}"
    if any("hostPort" in port for port in container.get("ports", ())):
        yield f"{where}: a hostPort binds the node's own address"


def read_only_root(documents: Documents) -> Iterator[str]:
    """Nothing may be written into the image; what must be written has a volume with a limit."""
    for pod in pods(documents):
        for where, container in pod.containers():
            if container.get("securityContext", {}).get("readOnlyRootFilesystem") is not True:
                yield f"{where}: securityContext.readOnlyRootFilesystem must be true"
        for volume in pod.spec.get("volumes", ()):
            if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
                yield f"{pod.owner}: volume {volume['name']}: an emptyDir without sizeLimit can fill the node's disk"


def resources(documents: Documents) -> Iterator[str]:
    """Requests place a pod and scale it; the memory's limit equals its request, so no pod lives on its neighbours'."""
    for pod in pods(documents):
        for where, container in pod.containers():
            found = container.get("resources", {})
            for kind, name in (("requests", "cpu"), ("requests", "memory"), ("limits", "memory")):
                if name not in found.get(kind, {}):
                    yield f"{where}: resources.{kind}.{name} is missing"
            memory = {kind: found.get(kind, {}).get("memory") for kind in ("requests", "limits")}
            if memory["requests"] != memory["limits"]:
                yield f"{where}: memory's request {memory['requests']} must equal its limit {memory['limits']}"


def probes(documents: Documents) -> Iterator[str]:
    """Three probes, and readiness asks something else than liveness: who is full or drains must not be restarted."""
    for pod in pods(documents):
        for where, container in pod.containers():
            yield from (f"{where}: {name} is missing" for name in _PROBES if name not in container)
            live, ready = (_asked(container.get(name, {})) for name in ("livenessProbe", "readinessProbe"))
            if live is not None and live == ready:
                yield f"{where}: livenessProbe and readinessProbe ask the same: {live}"


def _asked(probe: dict[str, Any]) -> Any:
    return next((probe[kind] for kind in ("httpGet", "exec", "tcpSocket", "grpc") if kind in probe), None)


def no_token(documents: Documents) -> Iterator[str]:
    """The service never speaks with the cluster's API, so nobody who breaks in may."""
    for account in of_kind(documents, "ServiceAccount"):
        if account.get("automountServiceAccountToken") is not False:
            yield f"ServiceAccount/{account['metadata']['name']}: automountServiceAccountToken must be false"
    for pod in pods(documents):
        if pod.spec.get("automountServiceAccountToken") is not False:
            yield f"{pod.owner}: automountServiceAccountToken must be false"
        if not pod.spec.get("serviceAccountName"):
            yield f"{pod.owner}: serviceAccountName is missing: it would run as the namespace's default account"


def no_service_links(documents: Documents) -> Iterator[str]:
    """Of a Service `serving` pods get a variable SERVING_PORT, and the service refuses settings it does not know."""
    for pod in pods(documents):
        if pod.spec.get("enableServiceLinks") is not False:
            yield f"{pod.owner}: enableServiceLinks must be false"


def architecture(documents: Documents) -> Iterator[str]:
    """A digest of ours is an image of one architecture: elsewhere it ends with `exec format error`."""
    for pod in pods(documents):
        if "kubernetes.io/arch" not in pod.spec.get("nodeSelector", {}):
            yield f"{pod.owner}: nodeSelector names no kubernetes.io/arch"
