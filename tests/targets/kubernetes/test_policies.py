"""Every rule finds what breaks it, and finds nothing in what we ship."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

import pytest

from targets.kubernetes.documents import Document, Documents, of_kind
from targets.kubernetes.policies import RULES, check
from tests.targets.kubernetes.manifests import needs_kubectl, rendered

GONE: Final = object()
PROD, TEST = "kubernetes/overlays/prod", "kubernetes/overlays/test"
KSERVE, ARC = "kubernetes/kserve", "arc/overlays/prod"
OURS = ("kubernetes/overlays/dev", TEST, PROD, KSERVE, "arc/overlays/dev", "arc/overlays/test", ARC)
POD = ("Deployment", "spec", "template", "spec")
CONTAINER = (*POD, "containers", 0)
RUNTIME = ("ServingRuntime", "spec", "containers", 0)
SECURITY = (*CONTAINER, "securityContext")


@dataclass(frozen=True, slots=True)
class Break:
    """What to change: kind of the object, path in it, and the value, `GONE` to remove it."""

    rule: str
    path: tuple[str | int, ...]
    value: Any
    message: str
    folder: str = PROD


BREAKS = [
    Break("image-by-digest", (*CONTAINER, "image"), "registry.example.com/serving:1.0", "has no digest"),
    Break("image-by-digest", (*CONTAINER, "image"), f"serving@sha256:{'f' * 63}", "has no digest"),
    Break("image-by-digest", (*CONTAINER, "image"), GONE, "has no digest"),
    Break(
        "image-by-digest",
        (*RUNTIME, "image"),
        "serving",
        "ServingRuntime/edge-vision: kserve-container",
        KSERVE,
    ),
    Break(
        "image-by-digest",
        (*POD, "initContainers"),
        [{"name": "first", "image": "x:1"}],
        "Deployment/serving: first: the image",
    ),
    Break("restricted", (*POD, "hostNetwork"), True, "hostNetwork is true"),
    Break("restricted", (*POD, "hostPID"), True, "hostPID is true"),
    Break("restricted", (*POD, "hostIPC"), True, "hostIPC is true"),
    Break(
        "restricted",
        (*POD, "volumes", 0),
        {"name": "host", "hostPath": {"path": "/"}},
        "volume host: hostPath",
    ),
    Break(
        "restricted", (*SECURITY, "allowPrivilegeEscalation"), GONE, "allowPrivilegeEscalation must be false"
    ),
    Break(
        "restricted", (*SECURITY, "allowPrivilegeEscalation"), True, "allowPrivilegeEscalation must be false"
    ),
    Break("restricted", (*SECURITY, "privileged"), True, "privileged is true"),
    Break("restricted", (*SECURITY, "capabilities", "drop"), ["NET_RAW"], "must drop ALL"),
    Break("restricted", (*SECURITY, "capabilities", "add"), ["NET_ADMIN"], "and add none"),
    Break("restricted", (*POD, "securityContext", "runAsNonRoot"), False, "runAsNonRoot must be true"),
    Break("restricted", (*SECURITY, "runAsNonRoot"), False, "runAsNonRoot must be true"),
    Break("restricted", (*SECURITY, "runAsUser"), 0, "runAsUser must be a number other than 0"),
    Break("restricted", (*POD, "securityContext", "runAsUser"), GONE, "runAsUser must be a number"),
    Break("restricted", (*POD, "securityContext", "seccompProfile"), GONE, "seccompProfile.type"),
    Break("restricted", (*SECURITY, "seccompProfile"), {"type": "Unconfined"}, "seccompProfile.type"),
    Break("restricted", (*CONTAINER, "ports", 0, "hostPort"), 8080, "hostPort"),
    Break("restricted", (*RUNTIME, "securityContext", "runAsUser"), GONE, "runAsUser", KSERVE),
    Break(
        "read-only-root", (*SECURITY, "readOnlyRootFilesystem"), GONE, "readOnlyRootFilesystem must be true"
    ),
    Break(
        "read-only-root", (*SECURITY, "readOnlyRootFilesystem"), False, "readOnlyRootFilesystem must be true"
    ),
    Break("read-only-root", (*POD, "volumes", 0), {"name": "tmp", "emptyDir": {}}, "without sizeLimit"),
    Break("resources", (*CONTAINER, "resources"), GONE, "resources.requests.cpu is missing"),
    Break(
        "resources", (*CONTAINER, "resources", "requests", "cpu"), GONE, "resources.requests.cpu is missing"
    ),
    Break(
        "resources", (*CONTAINER, "resources", "limits", "memory"), GONE, "resources.limits.memory is missing"
    ),
    Break("resources", (*CONTAINER, "resources", "limits", "memory"), "4Gi", "must equal its limit 4Gi"),
    Break("probes", (*CONTAINER, "startupProbe"), GONE, "startupProbe is missing"),
    Break("probes", (*CONTAINER, "livenessProbe"), GONE, "livenessProbe is missing"),
    Break("probes", (*CONTAINER, "readinessProbe"), GONE, "readinessProbe is missing"),
    Break("probes", (*CONTAINER, "readinessProbe", "httpGet", "path"), "/v2/health/live", "ask the same"),
    Break("no-token", ("ServiceAccount", "automountServiceAccountToken"), GONE, "ServiceAccount/serving"),
    Break("no-token", ("ServiceAccount", "automountServiceAccountToken"), True, "ServiceAccount/serving"),
    Break("no-token", (*POD, "automountServiceAccountToken"), True, "Deployment/serving: automount"),
    Break("no-token", (*POD, "serviceAccountName"), GONE, "serviceAccountName is missing"),
    Break(
        "no-token",
        ("InferenceService", "spec", "predictor", "automountServiceAccountToken"),
        GONE,
        "ServingRuntime/edge-vision: automount",
        KSERVE,
    ),
    Break("no-service-links", (*POD, "enableServiceLinks"), GONE, "enableServiceLinks must be false"),
    Break("no-service-links", (*POD, "enableServiceLinks"), True, "enableServiceLinks must be false"),
    Break("architecture", (*POD, "nodeSelector"), GONE, "names no kubernetes.io/arch"),
    Break(
        "no-secret-value",
        (*CONTAINER, "env", 0),
        {"name": "SCORING_KEY_PRIMARY", "value": "k"},
        "has its value",
    ),
    Break(
        "no-secret-value",
        (*CONTAINER, "env", 0),
        {"name": "API_TOKEN", "value": "k"},
        "API_TOKEN has its value",
    ),
    Break("no-secret-value", ("ServiceAccount", "kind"), "Secret", "a Secret among the manifests"),
    Break("no-secret-value", ("ConfigMap", "data", "password"), "x", "password sounds secret"),
    Break("live-configuration", (*CONTAINER, "volumeMounts", 0, "subPath"), "x", "mounted by subPath"),
    Break("live-configuration", (*CONTAINER, "volumeMounts", 0, "readOnly"), GONE, "must be readOnly"),
    Break("namespace", ("Namespace", "metadata", "labels"), {}, "enforce must be restricted"),
    Break("kept-namespace", ("Namespace", "metadata", "annotations"), GONE, "prune must be disabled"),
    Break(
        "kept-namespace",
        ("Namespace", "metadata", "annotations", "kustomize.toolkit.fluxcd.io/prune"),
        "enabled",
        "prune must be disabled",
    ),
    Break(
        "namespace",
        ("Namespace", "metadata", "labels", "pod-security.kubernetes.io/enforce"),
        "baseline",
        "enforce must be restricted",
    ),
    Break("namespace", ("Service", "metadata", "namespace"), "default", "its namespace is default"),
    Break("network-policy", ("NetworkPolicy", "spec", "policyTypes"), ["Ingress"], "policyTypes must be"),
    Break("network-policy", ("NetworkPolicy", "spec", "ingress", 0, "from"), GONE, "admits everybody"),
    Break(
        "network-policy",
        ("NetworkPolicy", "spec", "ingress", 0, "from"),
        [{"namespaceSelector": {}}],
        "admits everybody",
    ),
    Break("network-policy", ("NetworkPolicy", "spec", "ingress", 0, "ports"), GONE, "admits every port"),
    Break("network-policy", ("NetworkPolicy", "spec", "egress"), [{}], "rule of egress admits everybody"),
    Break(
        "network-policy", ("NetworkPolicy", "spec", "podSelector"), {}, "no NetworkPolicy selects its pods"
    ),
    Break(
        "network-policy",
        ("NetworkPolicy", "spec", "podSelector", "matchLabels"),
        {"app": "other"},
        "no NetworkPolicy selects its pods",
    ),
    Break("service", ("Service", "spec", "selector"), {"app": "other"}, "its selector finds no pod"),
    Break("service", ("Service", "spec", "selector"), GONE, "its selector finds no pod"),
    Break("service", ("Service", "spec", "type"), "LoadBalancer", "is a LoadBalancer"),
    Break("service", ("Service", "spec", "ports", 0, "targetPort"), "web", "targetPort web is no named port"),
    Break("ingress", ("Ingress", "spec", "ingressClassName"), GONE, "ingressClassName is missing"),
    Break("ingress", ("Ingress", "spec", "tls"), GONE, "has no TLS certificate"),
    Break("ingress", ("Ingress", "spec", "tls", 0, "secretName"), GONE, "has no TLS certificate"),
    Break("ingress", ("Ingress", "spec", "rules", 0, "host"), "x.example.com", "x.example.com has no TLS"),
    Break(
        "ingress",
        ("Ingress", "spec", "rules", 0, "http", "paths", 0, "backend", "service", "name"),
        "other",
        "there is no Service other",
    ),
    Break(
        "ingress",
        ("Ingress", "spec", "rules", 0, "http", "paths", 0, "backend", "service", "port", "name"),
        "admin",
        "has no port named admin",
    ),
    Break("ingress", ("Ingress", "spec", "rules", 0, "http", "paths", 1, "path"), "/", "leads to /metrics"),
    Break(
        "ingress",
        ("Ingress", "spec", "rules", 0, "http", "paths", 0, "path"),
        "/metrics",
        "leads to /metrics",
    ),
    Break("rolling-update", ("Deployment", "spec", "strategy"), {"type": "Recreate"}, "Recreate has a gap"),
    Break("rolling-update", ("Deployment", "spec", "strategy"), GONE, "maxUnavailable must be 0"),
    Break(
        "rolling-update",
        ("Deployment", "spec", "strategy", "rollingUpdate", "maxUnavailable"),
        1,
        "must be 0",
    ),
    Break("drain", (*CONTAINER, "env"), [], "SERVING_DRAIN_DELAY_S is missing"),
    Break(
        "drain",
        (*CONTAINER, "env"),
        [{"name": "SERVING_DRAIN_DELAY_S", "value": "5"}],
        "SERVING_DRAIN_TIMEOUT_S is missing",
    ),
    Break("drain", (*POD, "terminationGracePeriodSeconds"), GONE, "terminationGracePeriodSeconds 30"),
    Break("drain", (*POD, "terminationGracePeriodSeconds"), 20, "SIGKILL would cut requests"),
    Break(
        "drain",
        (*CONTAINER, "lifecycle"),
        {"preStop": {"sleep": {"seconds": 30}}},
        "SIGKILL would cut requests",
    ),
    Break(
        "drain",
        ("InferenceService", "spec", "predictor", "terminationGracePeriodSeconds"),
        GONE,
        "SIGKILL would cut requests",
        KSERVE,
    ),
    Break("autoscaler", ("Deployment", "spec", "replicas"), 2, "replicas would undo"),
    Break(
        "autoscaler",
        ("HorizontalPodAutoscaler", "spec", "scaleTargetRef", "name"),
        "x",
        "is not among the objects",
    ),
    Break("autoscaler", ("HorizontalPodAutoscaler", "spec", "maxReplicas"), 3, "leaves nothing to scale"),
    Break("autoscaler", ("HorizontalPodAutoscaler", "spec", "metrics"), [], "metrics is missing"),
    Break("disruption-budget", ("PodDisruptionBudget", "spec", "maxUnavailable"), 0, "admits no eviction"),
    Break(
        "disruption-budget",
        ("PodDisruptionBudget", "spec"),
        {"minAvailable": 3, "selector": {"matchLabels": {"app.kubernetes.io/name": "serving"}}},
        "admits no eviction at 3 pods",
    ),
    Break("disruption-budget", ("PodDisruptionBudget", "spec", "selector"), {}, "0 PodDisruptionBudgets"),
    Break("topology-spread", (*POD, "topologySpreadConstraints"), GONE, "over kubernetes.io/hostname"),
    Break(
        "topology-spread", (*POD, "topologySpreadConstraints", 0), GONE, "over topology.kubernetes.io/zone"
    ),
    Break(
        "topology-spread",
        (*POD, "topologySpreadConstraints", 1, "labelSelector", "matchLabels"),
        {"app": "other"},
        "over kubernetes.io/hostname",
    ),
    Break("flux-source", ("GitRepository", "spec", "url"), "http://git.example.com/x.git", "not http", ARC),
    Break(
        "flux-source", ("GitRepository", "spec", "url"), "https://u:p@git.example.com/x", "holds a login", ARC
    ),
    Break(
        "flux-source",
        ("GitRepository", "spec", "url"),
        "https://token@git.example.com/x",
        "holds a login",
        ARC,
    ),
    Break("flux-source", ("GitRepository", "spec", "ref"), GONE, "ref is missing", ARC),
    Break(
        "flux-kustomization",
        ("Kustomization", "spec", "sourceRef", "name"),
        "x",
        "there is no GitRepository",
        ARC,
    ),
    Break(
        "flux-kustomization", ("Kustomization", "spec", "path"), "./targets/x", "no kustomization.yaml", ARC
    ),
    Break("flux-kustomization", ("Kustomization", "spec", "prune"), False, "prune must be true", ARC),
    Break("flux-kustomization", ("Kustomization", "spec", "wait"), GONE, "wait and timeout are missing", ARC),
    Break(
        "flux-kustomization", ("Kustomization", "spec", "timeout"), GONE, "wait and timeout are missing", ARC
    ),
]


@pytest.fixture(scope="module")
def folders() -> dict[str, list[Document]]:
    needs_kubectl()
    return rendered()


def broken(documents: Documents, change: Break) -> list[Document]:
    changed = deepcopy(list(documents))
    kind, *path = change.path
    place: Any = next(of_kind(changed, str(kind)))
    for step in path[:-1]:
        place = place[step]
    if change.value is GONE:
        del place[path[-1]]
    else:
        place[path[-1]] = change.value
    return changed


@pytest.mark.parametrize("folder", OURS)
def test_what_we_ship_breaks_no_rule(folders: dict[str, list[Document]], folder: str) -> None:
    assert folders[folder]
    assert check(folders[folder]) == []


@pytest.mark.parametrize("change", BREAKS, ids=lambda c: f"{c.rule}-{c.path[-1]}-{c.message}")
def test_a_manifest_that_breaks_a_rule_is_found(folders: dict[str, list[Document]], change: Break) -> None:
    found = check(broken(folders[change.folder], change))
    assert [one for one in found if one.rule == change.rule and change.message in one.message], found


def test_every_rule_has_a_manifest_that_breaks_it() -> None:
    assert {change.rule for change in BREAKS} == set(RULES)
