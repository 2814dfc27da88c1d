"""Rules for staying up: updates, draining, scaling, disruptions, spread."""

from __future__ import annotations

from collections.abc import Iterator

from targets.kubernetes.documents import Document, Documents, Pod, name_of, named, of_kind, pods, selects

DELAY_VARIABLE = "SERVING_DRAIN_DELAY_S"
"""How long the service goes on after SIGTERM while its readiness is false, seconds."""
DRAIN_VARIABLE = "SERVING_DRAIN_TIMEOUT_S"
"""How long it finishes after that what it has accepted, seconds."""
_DEFAULT_GRACE_S = 30
_MARGIN_S = 5
"""From the end of the drain to the end of the processes."""


def rolling_update(documents: Documents) -> Iterator[str]:
    """A new pod is ready before an old one goes."""
    for deployment in of_kind(documents, "Deployment"):
        strategy = deployment["spec"].get("strategy", {})
        if strategy.get("type", "RollingUpdate") != "RollingUpdate":
            yield f"{name_of(deployment)}: strategy {strategy['type']} has a gap at every update"
        elif strategy.get("rollingUpdate", {}).get("maxUnavailable") not in {0, "0%"}:
            yield f"{name_of(deployment)}: strategy.rollingUpdate.maxUnavailable must be 0"


def drain(documents: Documents) -> Iterator[str]:
    """Proxies learn that a pod goes before it stops accepting, and SIGKILL comes after the service's own limit."""
    for pod in pods(documents):
        grace = pod.spec.get("terminationGracePeriodSeconds", _DEFAULT_GRACE_S)
        for where, container in pod.containers():
            sleep = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            delay, own = _seconds(container, DELAY_VARIABLE), _seconds(container, DRAIN_VARIABLE)
            if not sleep + (delay or 0):
                yield f"{where}: env {DELAY_VARIABLE} is missing: proxies still send when the service stops accepting"
            if own is None:
                yield f"{where}: env {DRAIN_VARIABLE} is missing, so nothing says how long a drain may take"
            elif (whole := sleep + (delay or 0) + own + _MARGIN_S) > grace:
                yield (
                    f"{where}: draining may take {whole:g} s ({_MARGIN_S} s of it to end), more than "
                    f"terminationGracePeriodSeconds {grace}: SIGKILL would cut requests"
                )


def _seconds(container: Document, variable: str) -> float | None:
    values = {entry["name"]: entry.get("value") for entry in container.get("env", ())}
    return float(values[variable]) if values.get(variable) else None


def autoscaler(documents: Documents) -> Iterator[str]:
    """One writer of `replicas`, at least two pods where a budget promises one, and room above."""
    for scaler in of_kind(documents, "HorizontalPodAutoscaler"):
        spec, where = scaler["spec"], name_of(scaler)
        target = named(documents, spec["scaleTargetRef"]["kind"], spec["scaleTargetRef"]["name"])
        if target is None:
            yield f"{where}: scaleTargetRef {spec['scaleTargetRef']['name']} is not among the objects"
        elif "replicas" in target["spec"]:
            yield f"{name_of(target)}: replicas would undo {where} at every apply: leave it out"
        if not spec.get("minReplicas", 1) < spec["maxReplicas"]:
            yield f"{where}: maxReplicas {spec['maxReplicas']} leaves nothing to scale"
        if not spec.get("metrics"):
            yield f"{where}: metrics is missing"


def disruption_budget(documents: Documents) -> Iterator[str]:
    """A drained node must get away, and may not take the service with it."""
    budgets = list(of_kind(documents, "PodDisruptionBudget"))
    least = min(
        (s["spec"].get("minReplicas", 1) for s in of_kind(documents, "HorizontalPodAutoscaler")), default=1
    )
    for pod in _deployed(documents):
        found = [budget for budget in budgets if selects(budget["spec"].get("selector"), pod.labels)]
        if len(found) != 1:
            yield f"{pod.owner}: {len(found)} PodDisruptionBudgets select its pods; an eviction needs exactly one"
        for budget in found:
            kept, gone = budget["spec"].get("minAvailable"), budget["spec"].get("maxUnavailable")
            if gone in {0, "0%"} or kept == "100%" or (isinstance(kept, int) and kept >= least):
                yield f"{name_of(budget)}: admits no eviction at {least} pods: no node could be drained"


def topology_spread(documents: Documents) -> Iterator[str]:
    """Over zones and over nodes, by the pods' own labels."""
    for pod in _deployed(documents):
        constraints = pod.spec.get("topologySpreadConstraints", ())
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname"):
            if not any(
                c["topologyKey"] == key and selects(c.get("labelSelector"), pod.labels) for c in constraints
            ):
                yield f"{pod.owner}: no topologySpreadConstraint over {key} that selects its own pods"


def _deployed(documents: Documents) -> list[Pod]:
    return [pod for pod in pods(documents) if pod.owner.startswith("Deployment/")]
