"""What a test asks of a device whose modules are containers."""

from __future__ import annotations

import json
from typing import Any

from edge_runtime.supervisor.control_client import ControlError, HubUnreachableError
from tests.e2e.device import Device
from tests.patience import wait_for


def call(device: Device, name: str, method: str, payload: Any = None) -> Any:
    """A direct method's answer, as soon as the module is there to give it."""

    def answered() -> dict[str, Any] | None:
        try:
            return device.control.invoke(
                name, {"methodName": method, "payload": payload, "responseTimeoutInSeconds": 30}, 60
            )
        except HubUnreachableError:
            return None
        except ControlError as error:
            if error.status not in {404, 504}:
                raise
            return None

    answer = wait_for(answered, f"{method} of {name}")
    assert answer["status"] == 200, answer
    return answer["payload"]


def upstream(device: Device) -> list[Any]:
    path = device.state / "upstream.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line)["body"] for line in lines]


def reported(device: Device, name: str) -> dict[str, Any]:
    """What `$edgeAgent` reports of a module; nothing before it does."""
    try:
        found: dict[str, Any] = device.twin("$edgeAgent").get("modules", {}).get(name, {})
    except HubUnreachableError:
        return {}
    return found


def until_status(device: Device, name: str, status: str) -> dict[str, Any]:
    """The report of a module that has this runtime status."""

    def has_it() -> dict[str, Any] | None:
        found = reported(device, name)
        return found if found.get("runtimeStatus") == status else None

    found: dict[str, Any] = wait_for(has_it, f"{name} {status}")
    return found
