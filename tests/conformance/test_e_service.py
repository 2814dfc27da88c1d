"""Shapes and bounds of the service API, beside its own tests (E.2, E.3, E.4, E.5, E.7, E.9)."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.iothub.service.conftest import Caller

CAMERA = "/twins/edge/modules/camera"


def check_keys(authentication: dict[str, Any]) -> None:
    assert authentication["type"] == "sas"
    keys = authentication["symmetricKey"]
    assert keys.keys() == {"primaryKey", "secondaryKey"}
    assert [len(base64.b64decode(key)) for key in keys.values()] == [32, 32]


@pytest.mark.parametrize("device", ["edge", "lamp"])
async def test_a_devices_members(call: Caller, device: str) -> None:
    """E.1-9, E.3-1, E.3-3"""
    await call("PUT", "/devices/lamp", {"deviceId": "lamp"})
    status, document = await call("GET", f"/devices/{device}")
    assert status == 200
    assert document.keys() >= {
        "deviceId", "generationId", "etag", "connectionState", "status", "statusReason",
        "connectionStateUpdatedTime", "statusUpdatedTime", "lastActivityTime", "cloudToDeviceMessageCount",
        "authentication", "capabilities",
    }  # fmt: skip
    assert (document["deviceId"], document["status"]) == (device, "enabled")
    assert document["connectionState"] == ("Connected" if device == "edge" else "Disconnected")
    assert document["capabilities"] == {"iotEdge": device == "edge"}
    assert document["lastActivityTime"] == "0001-01-01T00:00:00Z"
    check_keys(document["authentication"])


async def test_a_modules_members(call: Caller) -> None:
    """E.3-2, E.3-3, E.3-8, E.9-2: as deployed, and as a caller with nothing but the ids makes one."""
    await call("PUT", "/devices/edge/modules/probe", {"moduleId": "probe", "deviceId": "edge"})
    for module, manager in (("camera", "IotEdge"), ("probe", "")):
        status, document = await call("GET", f"/devices/edge/modules/{module}")
        assert status == 200
        assert document.keys() >= {
            "moduleId", "managedBy", "deviceId", "generationId", "etag", "connectionState",
            "connectionStateUpdatedTime", "lastActivityTime", "cloudToDeviceMessageCount", "authentication",
        }  # fmt: skip
        assert (document["deviceId"], document["moduleId"]) == ("edge", module)
        assert document["managedBy"] == manager
        check_keys(document["authentication"])


async def test_a_twins_members(call: Caller) -> None:
    """E.3-4, E.4-2: without `$metadata`, on purpose."""
    status, twin = await call("GET", CAMERA)
    assert status == 200
    assert twin.keys() >= {
        "deviceId", "moduleId", "tags", "properties", "etag", "version", "deviceEtag", "status", "statusReason",
        "statusUpdateTime", "connectionState", "lastActivityTime", "cloudToDeviceMessageCount",
        "authenticationType", "x509Thumbprint",
    }  # fmt: skip
    assert twin["properties"] == {"desired": {"$version": 1}, "reported": {"$version": 1}}
    assert (twin["authenticationType"], twin["tags"]) == ("sas", {})
    assert not twin["etag"].startswith('"')
    _, device = await call("GET", "/twins/edge")
    assert device["capabilities"] == {"iotEdge": True}


@pytest.mark.parametrize("verb", ["PATCH", "PUT"])
async def test_reported_properties_are_not_the_services_to_write(call: Caller, verb: str) -> None:
    """E.4-1"""
    body = {"properties": {"desired": {"a": 1}, "reported": {"forged": 1}}}
    status, twin = await call(verb, CAMERA, body, "*")
    assert status == 200
    assert twin["properties"]["reported"] == {"$version": 1}


@pytest.mark.parametrize(("top", "status"), [("1", 200), ("2", 200), ("0", 400), ("x", 400)])
async def test_devices_are_listed_up_to_a_number(call: Caller, top: str, status: int) -> None:
    """E.2-4"""
    await call("PUT", "/devices/lamp", {})
    answered, devices = await call("GET", f"/devices?top={top}")
    assert answered == status
    if status == 200:
        assert [device["deviceId"] for device in devices] == ["edge", "lamp"][: int(top)]


async def test_connected_devices_are_counted(call: Caller) -> None:
    """E.2-17"""
    await call("PUT", "/devices/lamp", {})
    assert await call("GET", "/statistics/service") == (200, {"connectedDeviceCount": 1})


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"methodName": "n" * 100}, 404),  # right, but nobody listens
        ({"methodName": "n" * 101}, 400),
        ({"payload": "x" * (128 * 1024 - 2)}, 404),
        ({"payload": "x" * (128 * 1024 - 1)}, 400),
        ({"responseTimeoutInSeconds": 300, "connectTimeoutInSeconds": 0}, 404),
        ({"responseTimeoutInSeconds": 301}, 400),
        ({"responseTimeoutInSeconds": 4}, 400),
        ({"connectTimeoutInSeconds": 301}, 400),
    ],
)
async def test_bounds_of_a_method_call(call: Caller, fields: dict[str, Any], status: int) -> None:
    """E.5-1"""
    body = {"methodName": "snap", "payload": "", "responseTimeoutInSeconds": 5, **fields}
    assert (await call("POST", f"{CAMERA}/methods", body))[0] == status


async def test_content_is_for_the_edge_device_alone(call: Caller, deployed: list[dict[str, Any]]) -> None:
    """E.7-4b"""
    await call("PUT", "/devices/lamp", {})
    content: dict[str, Any] = {"modulesContent": {"camera": {"properties.desired": {}}}}
    assert (await call("POST", "/devices/lamp/applyConfigurationContent", content))[0] == 400
    assert deployed == []


@pytest.mark.parametrize("path", ["/devices/edge", "/devices/edge/modules/probe"])
async def test_a_client_of_the_running_device_cannot_be_disabled(call: Caller, path: str) -> None:
    """A.5-3d: told, rather than let in all the same."""
    await call("PUT", "/devices/edge/modules/probe", {})
    body = {"status": "disabled", "capabilities": {"iotEdge": True}}
    status, answer = await call("PUT", path, body, "*")
    assert (status, "cannot be disabled" in answer["Message"]) == (400, True)


async def test_a_configurations_members(call: Caller) -> None:
    """E.3-5"""
    layer = {"modulesContent": {"$edgeAgent": {"properties.desired.modules.camera": {"type": "docker"}}}}
    body = {
        "id": "one", "schemaVersion": "1.0", "labels": {"line": "7"}, "content": layer, "priority": 3,
        "targetCondition": "tags.line = '7'",
    }  # fmt: skip
    assert (await call("PUT", "/configurations/one", body))[0] in (200, 201)
    status, document = await call("GET", "/configurations/one")
    assert status == 200
    assert {name: document[name] for name in ("id", "labels", "priority", "targetCondition")} == {
        name: body[name] for name in ("id", "labels", "priority", "targetCondition")
    }
    assert document["content"]["modulesContent"] == layer["modulesContent"]
    assert document["createdTimeUtc"].startswith("20")
    assert document["lastUpdatedTimeUtc"].startswith("20")
    assert document["systemMetrics"]["results"].keys() == {
        "targetedCount", "appliedCount", "reportedSuccessfulCount", "reportedFailedCount",
    }  # fmt: skip
    assert document["metrics"] == {"results": {}, "queries": {}}
    assert document["etag"]
    assert document["schemaVersion"] == "1.0"
