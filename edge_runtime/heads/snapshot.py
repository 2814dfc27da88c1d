"""The document of `GET /v1/snapshot` (docs/runtime-interfaces.md, "Observer API")."""

from __future__ import annotations

from typing import Any

from edge_runtime.heads.control import queue_lengths
from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.message import ClientId, source_of
from edge_runtime.hub.queue_store import rank_priority
from edge_runtime.hub.router import short_name
from edge_runtime.hub.statistics import Drop

MOST_DROPS = 100
_OTHER = Drop("other")


def snapshot(hub: EdgeHub, instance: str) -> dict[str, Any]:
    """What the hub is and has done since it started; `instance` tells one start from the next."""
    statistics = hub.statistics
    return {
        "device": hub.device_id,
        "instance": instance,
        "modules": _modules(hub),
        "routes": [
            {
                "name": route.name,
                "route": route.text,
                "source": route.source,
                "endpoint": short_name(route.endpoint.id),
                "priority": route.priority,
                "timeToLiveSecs": route.time_to_live_s,
                "matched": statistics.matched[route.name],
            }
            for route in hub.router.routes
        ],
        "endpoints": _endpoints(hub),
        **queue_lengths(hub),
        "dropped": dict(statistics.dropped),
        "drops": _drops(hub),
        "stored": statistics.stored,
        "delivered": dict(statistics.delivered),
        "upstreamConnected": hub.upstream.connected and not hub.upstream_switched_off,
        "upstreamSwitchedOff": hub.upstream_switched_off,
        "store": hub.admission.describe(),
    }


def _modules(hub: EdgeHub) -> dict[str, Any]:
    agent = hub.twins.read(ClientId(hub.device_id, "$edgeAgent"))["reported"].get("modules", {})
    modules = {name: dict(state) for name, state in agent.items() if isinstance(state, dict)}
    for name in hub.identities.modules:
        if not name.startswith("$"):
            client = ClientId(hub.device_id, name)
            modules.setdefault(name, {})["connected"] = hub.connections.is_connected(client)
    return modules


def _endpoints(hub: EdgeHub) -> list[dict[str, Any]]:
    """Those that have had a message, and those that a route leads to."""
    delivered = hub.statistics.delivered
    found = {
        short_name(endpoint.queues.name): {
            "queued": sum(endpoint.queues.lengths.values()),
            "unacknowledged": endpoint.unconfirmed,
            "byPriority": [
                {"priority": rank_priority(rank), "length": length}
                for rank, length in endpoint.queues.lengths.items()
            ],
        }
        for endpoint in hub.endpoints
    }
    names = {**found, **{short_name(route.endpoint.id): None for route in hub.router.routes}}
    nothing: dict[str, Any] = {"queued": 0, "unacknowledged": 0, "byPriority": []}
    return [
        {"endpoint": name, **found.get(name, nothing), "delivered": delivered.get(name, 0)} for name in names
    ]


def _drops(hub: EdgeHub) -> list[dict[str, Any]]:
    """The greatest; the rest is one of the reason `other`."""
    counts = {drop: series.count for drop, series in hub.statistics.drops.items() if drop != _OTHER}
    greatest = sorted(counts, key=lambda drop: -counts[drop])[:MOST_DROPS]
    told = [{**drop._asdict(), "route": _route(hub, drop), "count": counts[drop]} for drop in greatest]
    rest = sum(series.count for series in hub.statistics.drops.values()) - sum(one["count"] for one in told)
    return [*told, {**_OTHER._asdict(), "route": None, "count": rest}] if rest else told


def _route(hub: EdgeHub, drop: Drop) -> str | None:
    return drop.endpoint and hub.router.only_route(source_of(drop.module, drop.output), drop.endpoint)
