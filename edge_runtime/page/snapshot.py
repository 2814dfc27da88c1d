"""The page's snapshot out of what the runtime tells. Pure, but for the rates, which it remembers."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from edge_runtime.page.masking import masked_text
from edge_runtime.page.rates import Rates
from edge_runtime.page.usage import Usage

UPSTREAM = "iothub"
_SYSTEM = ("edgeHub", "edgeAgent")
_SOURCE = re.compile(
    r"/messages/modules/(?P<module>[^/*]+)(?:/outputs/(?P<output>[^/*]+)|/outputs/\*|/\*)?/?", re.IGNORECASE
)
_NEVER = "0001-01-01"
_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Reading:
    """What was asked at one moment. `at`: seconds of a clock that never goes back.

    `hub` is the observer's snapshot, `agent` the twin of `$edgeAgent`; None where nobody answered.
    """

    at: float
    hub: Mapping[str, Any] | None
    agent: Mapping[str, Any] | None = None
    usage: Mapping[str, Usage] = field(default_factory=dict)


class Snapshots:
    """Makes the document of each reading; readings come in order."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._rates = Rates()
        self._instance = ""
        self._hub: Mapping[str, Any] = _NOTHING
        self._agent: Mapping[str, Any] = _NOTHING

    def document(self, reading: Reading) -> dict[str, Any]:
        """While the hub is away the last that is known of it, nothing connected, and rates of 0."""
        up = reading.hub is not None
        if reading.hub is not None:
            self._take(reading.at, reading.hub)
        else:
            self._rates.clear()
        if reading.agent is not None:
            self._agent = reading.agent
        hub = self._hub
        endpoints = self._endpoints(hub)
        upstream = next((one for one in endpoints if one["endpoint"] == UPSTREAM), _NOTHING)
        return {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "device": self._device,
            "instance": self._instance,
            "hub": "up" if up else "down",
            "modules": _modules(hub, self._agent, reading.usage, up=up),
            "routes": [self._route(route) for route in hub.get("routes", ())],
            "endpoints": endpoints,
            "dropped": list(hub.get("drops", ())),
            "upstream": {
                "connected": up and bool(hub.get("upstreamConnected")),
                "switchedOff": bool(hub.get("upstreamSwitchedOff")),
                # What was sent and is not confirmed has not arrived either.
                "queued": upstream.get("queued", 0) + upstream.get("unacknowledged", 0),
                "delivered": upstream.get("delivered", 0),
                "rate": upstream.get("rate", 0.0),
            },
            "store": hub.get("store"),
            "stored": hub.get("stored", 0),
            "rate": self._rates.of("stored"),
        }

    def _take(self, now: float, hub: Mapping[str, Any]) -> None:
        if hub["instance"] != self._instance:
            self._instance = hub["instance"]
            self._rates.clear()
        self._hub = hub
        counts: dict[Hashable, int] = {"stored": hub["stored"]}
        counts |= {("route", route["name"]): route["matched"] for route in hub["routes"]}
        counts |= {("endpoint", name): count for name, count in hub["delivered"].items()}
        self._rates.take(now, counts)

    def _route(self, route: Mapping[str, Any]) -> dict[str, Any]:
        source = str(route.get("source", ""))
        found = _SOURCE.fullmatch(source)
        return {
            "name": route["name"],
            "text": route["route"],
            "priority": route["priority"],
            "timeToLiveSecs": route["timeToLiveSecs"],
            "from": None if found is None else {"module": found["module"], "output": found["output"]},
            "source": source,
            "to": route.get("endpoint", ""),
            "matched": route["matched"],
            "rate": self._rates.of(("route", route["name"])),
        }

    def _endpoints(self, hub: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [
            {**endpoint, "rate": self._rates.of(("endpoint", endpoint["endpoint"]))}
            for endpoint in hub.get("endpoints", ())
        ]


def _modules(
    hub: Mapping[str, Any], agent: Mapping[str, Any], usage: Mapping[str, Usage], *, up: bool
) -> dict[str, Any]:
    reported, desired = agent.get("reported", _NOTHING), agent.get("desired", _NOTHING)
    states: dict[str, Mapping[str, Any]] = {}
    wanted: dict[str, Any] = {}
    for section in ("modules", "systemModules"):
        states |= _objects(reported.get(section))
        wanted |= {name: spec.get("status") for name, spec in _objects(desired.get(section)).items()}
    seen = _objects(hub.get("modules"))
    names = {*seen, *states, *wanted, *_SYSTEM}
    return {
        name: _module(
            {**seen.get(name, {}), **states.get(name, {})},
            wanted.get(name),
            usage.get(name),
            connected=up and (name in _SYSTEM or bool(seen.get(name, _NOTHING).get("connected"))),
            system=name in _SYSTEM,
        )
        for name in sorted(names)
    }


def _module(
    state: Mapping[str, Any], wanted: object, usage: Usage | None, *, connected: bool, system: bool
) -> dict[str, Any]:
    started = state.get("lastStartTimeUtc")
    description = state.get("statusDescription")
    return {
        "status": state.get("runtimeStatus", "unknown"),
        "description": None if description is None else masked_text(str(description)),
        "connected": connected,
        "restartCount": state.get("restartCount", 0),
        "exitCode": state.get("exitCode"),
        "startedAt": None if started is None or str(started).startswith(_NEVER) else started,
        "cpuPercent": None if usage is None else usage.cpu_percent,
        "memoryBytes": None if usage is None else usage.memory_bytes,
        "desiredStatus": wanted,
        "system": system,
    }


def _objects(section: object) -> dict[str, dict[str, Any]]:
    """The members that are objects: whoever has the module's keys may report anything."""
    if not isinstance(section, dict):
        return {}
    return {name: value for name, value in section.items() if isinstance(value, dict)}
