"""Who may call, what is answered, and with which status (spec E.1 to E.7, G.28)."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from edge_runtime.hub import sas
from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import Feature
from tests.hub.links import RecordingLink
from tests.hub.test_edge_hub import UPSTREAM, manifest
from tests.iothub.service.conftest import HOST, KEY, Caller, token

CAMERA = "/twins/edge/modules/camera"
OTHER_KEY = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ({}, 200),
        ({"audience": "hub.test"}, 200),
        ({"audience": HOST.upper()}, 200),
        ({"lasts_s": -60}, 200),  # two clocks differ
        (None, 401),
        ("Bearer abc", 401),
        ({"key": OTHER_KEY}, 401),
        ({"audience": "elsewhere.test"}, 401),
        ({"audience": f"{HOST}/devices/edge"}, 401),
        ({"policy": None}, 401),
        ({"policy": "registryRead"}, 401),
        ({"lasts_s": -400}, 401),
    ],
)
async def test_tokens(call: Caller, header: dict[str, Any] | str | None, status: int) -> None:
    call.authorization = token(**header) if isinstance(header, dict) else header
    assert (await call("GET", "/twins/edge"))[0] == status
    got, body = await call("GET", "/twins/nobody")
    assert got == (404 if status == 200 else 401)
    # Azure's shape, and no token in it.
    assert body["Message"].startswith("ErrorCode:")
    assert "sig=" not in body["Message"]


async def test_a_device_s_own_token_opens_the_identities_of_its_modules_alone(
    call: Caller, hub: EdgeHub
) -> None:
    device = hub.identities.get(ClientId("edge"))
    assert device is not None
    call.authorization = token(device.primary_key, f"{HOST}/devices/edge", policy=None)
    assert (await call("GET", "/devices/edge/modules/camera"))[0] == 200
    assert (await call("GET", "/devices/edge/modules/nobody"))[0] == 404
    made = {"moduleId": "probe", "deviceId": "edge"}
    assert (await call("PUT", "/devices/edge/modules/probe", made))[0] == 200
    for verb, path in (("GET", "/devices/edge"), ("GET", CAMERA), ("DELETE", "/devices/edge/modules/probe")):
        assert (await call(verb, path))[0] == 401
    assert (await call("GET", "/devices/lamp/modules/camera"))[0] == 401
    call.authorization = token(KEY, f"{HOST}/devices/edge", policy=None)
    assert (await call("GET", "/devices/edge/modules/camera"))[0] == 401


async def test_a_module_that_a_caller_made_may_connect_and_outlives_deployments(
    call: Caller, hub: EdgeHub
) -> None:
    assert (await call("PUT", "/devices/edge/modules/camera", {}))[0] == 409
    assert (await call("PUT", "/devices/edge/modules/probe", {}, "*"))[0] == 404
    status, made = await call("PUT", "/devices/edge/modules/probe", {"moduleId": "probe"})
    assert status == 200
    key = made["authentication"]["symmetricKey"]["secondaryKey"]
    client = ClientId("edge", "probe")
    good = sas.sign("hub.test/devices/edge/modules/probe", sas.decode_key(key), expiry=2**32)
    assert hub.authenticate(client, good) == 2**32
    await call.deploy(manifest({"up": UPSTREAM}))
    assert hub.authenticate(client, good)
    assert (await call("DELETE", "/devices/edge/modules/probe", None, '"stale"'))[0] == 412
    assert (await call("DELETE", "/devices/edge/modules/probe", None, f'"{made["etag"]}"'))[0] == 204
    assert hub.identities.get(client) is None
    # The same name, deployed later, is the deployment's.
    document = manifest({"up": UPSTREAM})
    document["modulesContent"]["$edgeAgent"]["properties.desired"]["modules"]["probe"] = {}
    await call.deploy(document)
    for module in ("probe", "camera"):
        assert (await call("DELETE", f"/devices/edge/modules/{module}", None, "*"))[0] == 400


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/devices/lamp", []),
        ("/devices/lamp", {"deviceId": "other"}),
        ("/devices/a%20b", {}),
        ("/devices/lamp", {"status": "asleep"}),
        ("/devices/lamp", {"authentication": {"type": "password"}}),
        ("/devices/lamp", {"authentication": {"symmetricKey": {"primaryKey": "no base64"}}}),
        ("/devices/edge/modules/probe", {"authentication": {"type": "selfSigned"}}),
    ],
)
async def test_identities_that_are_refused(call: Caller, path: str, body: Any) -> None:
    status, answer = await call("PUT", path, body)
    assert status == 400
    assert "no base64" not in answer["Message"]
    assert (await call("GET", path))[0] == 404


@pytest.mark.parametrize("etag", ["*", '"*"', '"{}"', "{}", 'W/"{}"'])
async def test_if_match_in_every_spelling(call: Caller, etag: str) -> None:
    _, twin = await call("GET", CAMERA)
    body = {"properties": {"desired": {"fps": 1}}}
    status, changed = await call("PATCH", CAMERA, body, etag.replace("{}", twin["etag"]))
    assert status == 200
    assert changed["etag"] != twin["etag"]
    assert (await call("PATCH", CAMERA, body, f'"{twin["etag"]}"'))[0] == 412


async def test_an_etag_follows_changes_that_did_not_come_through_the_service(
    call: Caller, hub: EdgeHub
) -> None:
    _, twin = await call("GET", CAMERA)
    await hub.patch_desired(ClientId("edge", "camera"), {"fps": 3})
    assert (await call("PUT", CAMERA, {}, f'"{twin["etag"]}"'))[0] == 412
    assert hub.twin(ClientId("edge", "camera"))["desired"]["fps"] == 3
    await hub.report(ClientId("edge", "camera"), {"fps": 3})
    _, now = await call("GET", CAMERA)
    assert now["properties"]["reported"]["fps"] == 3


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"tags": {"a.b": 1}},
        {"tags": {"a": "x" * 4000, "b": "x" * 4000, "c": "x" * 4000}},
        {"tags": {"fine": 1}, "properties": {"desired": {"$x": 1}}},
        {"properties": {"desired": {"list": [None]}}},
        {"properties": 7},
    ],
)
async def test_a_twin_change_that_is_refused_changes_nothing(call: Caller, body: Any) -> None:
    before = await call("GET", CAMERA)
    for verb in ("PATCH", "PUT"):
        assert (await call(verb, CAMERA, body))[0] == 400
    assert await call("GET", CAMERA) == before


async def test_routes_are_the_desired_properties_of_the_hub(call: Caller, hub: EdgeHub) -> None:
    _, twin = await call("GET", "/twins/edge/modules/%24edgeHub")
    desired = twin["properties"]["desired"]
    desired["routes"] = {"one": UPSTREAM, "two": "FROM /messages/modules/camera INTO $upstream"}
    put = {"properties": {"desired": desired}}
    assert (await call("PUT", "/twins/edge/modules/%24edgeHub", put))[0] == 200
    assert [route.name for route in hub.router.routes] == ["one", "two"]
    desired["routes"] = {"one": "FROM nothing"}
    assert (await call("PUT", "/twins/edge/modules/%24edgeHub", put))[0] == 400
    assert [route.name for route in hub.router.routes] == ["one", "two"]


async def test_a_method_reaches_the_module_and_its_status_comes_inside(call: Caller, hub: EdgeHub) -> None:
    client = ClientId("edge", "camera")
    body = {"methodName": "snap", "payload": "", "responseTimeoutInSeconds": 5}
    status, answer = await call("POST", f"{CAMERA}/methods", body)
    assert (status, "DeviceNotOnline" in answer["Message"]) == (404, True)

    class Answering(RecordingLink):
        def invoke(self, request_id: str, method: str, payload: bytes) -> None:
            hub.method_answered(client, request_id, 500, b'{"said": "' + method.encode() + b'"}')

    hub.attach(client, Answering(), frozenset({Feature.METHODS}))
    assert await call("POST", f"{CAMERA}/methods", body) == (
        200,
        {"status": 500, "payload": {"said": "snap"}},
    )
    for wrong in ({"responseTimeoutInSeconds": 4}, {"connectTimeoutInSeconds": 301}, {"methodName": "a/b"}):
        assert (await call("POST", f"{CAMERA}/methods", {**body, **wrong}))[0] == 400


async def test_content_that_no_device_could_run_is_refused(
    call: Caller, deployed: list[dict[str, Any]]
) -> None:
    path = "/devices/edge/applyConfigurationContent"
    desired = "properties.desired"
    contents: list[dict[str, Any]] = [
        {},
        {"modulesContent": {}},
        {"modulesContent": {"camera": {}}},
        {"modulesContent": {"camera": {desired: 1}}},
        {"modulesContent": {"camera": {f"{desired}.": 1}}},
        {"modulesContent": {"camera": {"tags": {}}}},
        {"modulesContent": {"nobody": {desired: {}}}},
    ]
    for content in contents:
        assert (await call("POST", path, content))[0] == 400, content
    assert (await call("POST", path.replace("edge", "nobody"), {"modulesContent": {"m": {desired: {}}}}))[
        0
    ] == 404
    assert deployed == []


async def test_a_path_is_laid_on_what_the_twin_holds(call: Caller, deployed: list[dict[str, Any]]) -> None:
    await call("PATCH", CAMERA, {"properties": {"desired": {"a": {"b": 1, "c": 2}, "d": 3}}})
    content = {
        "modulesContent": {
            "camera": {"properties.desired.a.b": {"x": 9}, "properties.desired.e": None},
            "classifier": {"properties.desired.part": 2, "properties.desired": {"whole": 1}},
        }
    }
    assert (await call("POST", "/devices/edge/applyConfigurationContent", content))[0] == 204
    [taken] = deployed
    assert taken["camera"] == {"properties.desired": {"a": {"b": {"x": 9}, "c": 2}, "d": 3, "e": None}}
    # The system modules come along as they are, and other modules' twins are left alone.
    assert set(taken) == {"$edgeAgent", "$edgeHub", "camera", "classifier"}
    assert taken["classifier"] == {"properties.desired": {"whole": 1, "part": 2}}
    assert taken["$edgeHub"]["properties.desired"]["routes"] == {"up": UPSTREAM}


async def test_the_hub_process_is_away(call: Caller) -> None:
    await call.end_the_hub()
    status, answer = await call("GET", CAMERA)
    assert (status, "ServiceUnavailable" in answer["Message"]) == (503, True)
