"""Generated manifests for modules whose programs the test starts itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def deployment(modules: Mapping[str, Mapping[str, Any]], routes: Mapping[str, str]) -> dict[str, Any]:
    """Modules with their twins' desired properties, and routes by name."""
    agent = {
        "schemaVersion": "1.1",
        "runtime": {"type": "docker", "settings": {"minDockerVersion": "v1.25"}},
        "systemModules": {
            "edgeAgent": {"type": "docker", "settings": _settings("edge-agent")},
            "edgeHub": _module("edge-hub"),
        },
        "modules": {name: {"version": "1.0", **_module(name)} for name in modules},
    }
    hub = {
        "schemaVersion": "1.2",
        "routes": dict(routes),
        "storeAndForwardConfiguration": {"timeToLiveSecs": 7200},
    }
    desired = {"$edgeAgent": agent, "$edgeHub": hub, **{name: twin for name, twin in modules.items() if twin}}
    return {"modulesContent": {name: {"properties.desired": section} for name, section in desired.items()}}


def route(sender: str, output: str, receiver: str, into: str | None = None, where: str = "") -> str:
    """From an output to another module's input, which has the output's name unless `into` says another."""
    condition = f" WHERE {where}" if where else ""
    target = f'BrokeredEndpoint("/modules/{receiver}/inputs/{into or output}")'
    return f"FROM /messages/modules/{sender}/outputs/{output}{condition} INTO {target}"


def _module(name: str) -> dict[str, Any]:
    return {"type": "docker", "status": "running", "restartPolicy": "always", "settings": _settings(name)}


def _settings(name: str) -> dict[str, str]:
    return {"image": f"localhost:5000/{name}:1-amd64", "createOptions": "{}"}
