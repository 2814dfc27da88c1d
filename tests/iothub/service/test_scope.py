"""Which devices beside the edge device get in, and what the hub process knows of them (spec A.5, E.3)."""

from __future__ import annotations

import time
from typing import Any

import pytest

from edge_runtime.hub import sas
from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import AuthenticationError, Feature
from edge_runtime.iothub.service.scope import parent_of, reason_barred, scope_of
from tests.hub.links import RecordingLink
from tests.iothub.service.conftest import Caller

LAMP = ClientId("lamp")


@pytest.mark.parametrize(
    ("scope", "parent"),
    [
        (scope_of("edge", "123"), "edge"),
        (scope_of("edge-1", "5"), "edge-1"),
        ("ms-azure-iot-edge://edge", None),
        ("edge-123", None),
        ("", None),
        (None, None),
    ],
)
def test_the_parent_that_a_scope_names(scope: str | None, parent: str | None) -> None:
    assert parent_of(scope) == parent


def identity(**changes: Any) -> dict[str, Any]:
    return {
        "status": "enabled",
        "capabilities": {"iotEdge": False},
        "deviceScope": scope_of("edge", "123"),
        "authentication": {"type": "sas"},
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"deviceScope": scope_of("EDGE", "9")}, None),  # the store was begun anew, and ids have no case
        ({"status": "disabled"}, "disabled_identity"),
        ({"deviceScope": None}, "not_a_child"),
        ({"deviceScope": scope_of("edge-1", "123")}, "not_a_child"),
        ({"capabilities": {"iotEdge": True}}, "edge_device"),
        ({"authentication": {"type": "none"}}, "no_shared_key"),
    ],
)
def test_who_may_connect(changes: dict[str, Any], reason: str | None) -> None:
    assert reason_barred(identity(**changes), "edge") == reason


def shown(made: dict[str, Any], which: str = "primaryKey") -> str:
    key = made["authentication"]["symmetricKey"][which]
    return sas.sign(f"hub.test/devices/{made['deviceId']}", sas.decode_key(key), expiry=int(time.time()) + 60)


def refusal(hub: EdgeHub, client: ClientId, token: str) -> str:
    with pytest.raises(AuthenticationError) as caught:
        hub.authenticate(client, token)
    return caught.value.reason


async def test_a_registered_child_gets_in_until_it_is_disabled_or_deleted(call: Caller, hub: EdgeHub) -> None:
    _, edge = await call("GET", "/devices/edge")
    body = {"deviceId": "lamp", "deviceScope": edge["deviceScope"]}
    _, made = await call("PUT", "/devices/lamp", body)
    assert made["deviceScope"] == edge["deviceScope"]
    assert made["parentScopes"] == [edge["deviceScope"]]
    assert hub.authenticate(LAMP, shown(made))
    assert hub.authenticate(LAMP, shown(made, "secondaryKey"))
    link = RecordingLink()
    hub.attach(LAMP, link, frozenset())
    assert (await call("GET", "/devices/lamp"))[1]["connectionState"] == "Connected"
    assert (await call("GET", "/statistics/service"))[1] == {"connectedDeviceCount": 2}
    _, changed = await call("PUT", "/devices/lamp", {"status": "disabled"}, "*")
    assert changed["deviceScope"] == edge["deviceScope"]  # what an update leaves out stays
    assert link.closed
    hub.detach(LAMP, link)
    assert refusal(hub, LAMP, shown(made)) == "disabled_identity"
    await call("PUT", "/devices/lamp", {"status": "enabled"}, "*")
    assert hub.authenticate(LAMP, shown(made))
    assert (await call("DELETE", "/devices/lamp", None, "*"))[0] == 204
    assert hub.identities.get(LAMP) is None


async def test_a_device_that_is_no_child_exists_and_is_refused(call: Caller, hub: EdgeHub) -> None:
    _, made = await call("PUT", "/devices/lamp", {})
    assert refusal(hub, LAMP, shown(made)) == "not_a_child"
    _, other = await call("PUT", "/devices/gateway2", {"capabilities": {"iotEdge": True}})
    assert parent_of(other["deviceScope"]) == "gateway2"
    assert refusal(hub, ClientId("gateway2"), shown(other)) == "edge_device"
    # It is made a child later, by parentScopes alone.
    _, edge = await call("GET", "/devices/edge")
    await call("PUT", "/devices/lamp", {"parentScopes": [edge["deviceScope"]]}, "*")
    assert hub.authenticate(LAMP, shown(made))
    for wrong in ({"deviceScope": 7}, {"parentScopes": "text"}):
        assert (await call("PUT", "/devices/lamp", wrong, "*"))[0] == 400


async def test_its_twin_is_the_one_that_the_client_sees(call: Caller, hub: EdgeHub) -> None:
    await call("PUT", "/devices/lamp", {})
    link = RecordingLink()
    hub.attach(LAMP, link, frozenset({Feature.DESIRED}))
    body = {"tags": {"room": "a"}, "properties": {"desired": {"on": True}}}
    _, twin = await call("PATCH", "/twins/lamp", body)
    assert twin["properties"]["desired"] == {"on": True, "$version": 2}
    assert link.patches == [{"on": True, "$version": 2}]
    await hub.report(LAMP, {"on": True})
    _, twin = await call("PUT", "/twins/lamp", {"properties": {"desired": {"level": 3}}})
    assert (twin["properties"]["reported"]["on"], twin["tags"]) == (True, {})
    assert link.patches[1] == {"on": None, "level": 3, "$version": 3}


async def test_a_hub_that_lost_its_store_is_told_again(call: Caller, hub: EdgeHub) -> None:
    _, edge = await call("GET", "/devices/edge")
    _, made = await call("PUT", "/devices/lamp", {"deviceScope": edge["deviceScope"]})
    await hub.forget(LAMP)
    await call.iothub.reconcile()
    assert hub.authenticate(LAMP, shown(made))
    assert refusal(hub, ClientId("stranger"), shown(made)) == "unknown_identity"
    # What the hub has already forgotten can be deleted all the same.
    await hub.forget(LAMP)
    assert (await call("DELETE", "/devices/lamp", None, "*"))[0] == 204
    assert (await call("GET", "/devices/lamp"))[0] == 404
