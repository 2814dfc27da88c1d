"""Twins as an edge device with one module has them."""

from __future__ import annotations

from typing import Any

from release.deploy.content import AGENT, HUB
from release.deploy.twins import ModuleTwin, Snapshot

STARTED, LATER = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"


def definition(image: str = "r/camera:1", **fields: Any) -> dict[str, Any]:
    """A module in `$edgeAgent`'s desired properties."""
    return {
        "type": "docker",
        "status": "running",
        "restartPolicy": "always",
        "settings": {"image": image, "createOptions": "{}"},
        **fields,
    }


def runs(image: str = "r/camera:1", started: str = STARTED, **fields: Any) -> dict[str, Any]:
    """The same in its reported properties."""
    return {
        "settings": {"image": image},
        "runtimeStatus": "running",
        "statusDescription": "running",
        "restartCount": 0,
        "exitCode": 0,
        "lastStartTimeUtc": started,
        **fields,
    }


def agent_desired(**modules: Any) -> dict[str, Any]:
    return {
        "schemaVersion": "1.1",
        "systemModules": {
            "edgeAgent": {"settings": {"image": "r/agent:1"}},
            "edgeHub": {"settings": {"image": "r/hub:1"}},
        },
        "modules": modules,
    }


def snapshot(
    desired: dict[str, Any],
    reported: dict[str, Any],
    *,
    version: int = 5,
    seen: int = 5,
    code: int = 200,
    description: str = "",
    connected: bool = True,
    twin: ModuleTwin | None = None,
    hub_code: int = 200,
) -> Snapshot:
    """A device with the module `camera`."""
    system = {
        "edgeAgent": {"settings": {"image": "r/agent:1"}, "runtimeStatus": "running"},
        "edgeHub": {"settings": {"image": "r/hub:1"}, "runtimeStatus": "running"},
    }
    status = {"code": code, "description": description}
    agent = {"lastDesiredVersion": seen, "lastDesiredStatus": status, "systemModules": system}
    clients = {"edge/camera": {"status": "Connected" if connected else "Disconnected"}}
    hub = {
        "lastDesiredVersion": 3,
        "lastDesiredStatus": {"code": hub_code, "description": ""},
        "clients": clients,
    }
    return {
        AGENT: ModuleTwin(agent_desired(camera=desired), version, {**agent, "modules": {"camera": reported}}),
        HUB: ModuleTwin({"routes": {}}, 3, hub),
        "camera": twin or ModuleTwin({}, 1, {}),
    }


def acknowledged(value: Any, ac: int = 200, av: int = 1, ad: str = "twin") -> dict[str, Any]:
    return {"value": value, "ac": ac, "av": av, "ad": ad}
