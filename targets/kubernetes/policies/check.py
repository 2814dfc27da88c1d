"""All rules, by the name under which a finding is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from targets.kubernetes.documents import Documents
from targets.kubernetes.policies import availability, gitops, network, pod, secrets

Rule = Callable[[Documents], Iterator[str]]
"""Yields a line for each place that breaks the rule: the object, what is wrong, and the mend."""

RULES: Mapping[str, Rule] = {
    "image-by-digest": pod.image_by_digest,
    "restricted": pod.restricted,
    "read-only-root": pod.read_only_root,
    "resources": pod.resources,
    "probes": pod.probes,
    "no-token": pod.no_token,
    "no-service-links": pod.no_service_links,
    "architecture": pod.architecture,
    "no-secret-value": secrets.no_secret_value,
    "live-configuration": secrets.live_configuration,
    "namespace": network.namespace,
    "kept-namespace": gitops.kept_namespace,
    "network-policy": network.network_policy,
    "service": network.service,
    "ingress": network.ingress,
    "rolling-update": availability.rolling_update,
    "drain": availability.drain,
    "autoscaler": availability.autoscaler,
    "disruption-budget": availability.disruption_budget,
    "topology-spread": availability.topology_spread,
    "flux-source": gitops.flux_source,
    "flux-kustomization": gitops.flux_kustomization,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One place that breaks one rule."""

    rule: str
    message: str


def check(documents: Documents) -> list[Finding]:
    """Every finding, in the order of the rules."""
    return [Finding(name, message) for name, rule in RULES.items() for message in rule(documents)]
