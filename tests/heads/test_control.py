"""The control API over its real socket, with a real hub behind it."""

from __future__ import annotations

import asyncio
import hmac
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from edge_runtime.heads.control import ControlApi
from edge_runtime.heads.workload_sockets import WorkloadSockets
from edge_runtime.hub.certificates import ensure_certificates
from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import Feature
from tests.hub.links import RecordingLink
from tests.hub.running import running_hub
from tests.hub.test_edge_hub import TO_CLASSIFIER, UPSTREAM, manifest
from tests.patience import PATIENCE_S, eventually

CAMERA = ClientId("edge", "camera")


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[EdgeHub]:
    async with running_hub(tmp_path) as hub:
        yield hub


@pytest.fixture
async def control(hub: EdgeHub, tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    sockets = WorkloadSockets(
        hub, tmp_path, ensure_certificates(tmp_path / "certificates", gateway="127.0.0.1")
    )
    runner = web.AppRunner(ControlApi(hub, sockets).application())
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "control.sock")).start()
    connector = aiohttp.UnixConnector(str(tmp_path / "control.sock"))
    async with aiohttp.ClientSession("http://control", connector=connector) as session:
        yield session
    await sockets.close()
    await runner.cleanup()


async def answer(response: aiohttp.ClientResponse) -> tuple[int, Any]:
    async with response:
        return response.status, await response.json()


async def configure(control: aiohttp.ClientSession, **twins: Any) -> dict[str, Any]:
    status, body = await answer(
        await control.put("/configuration", json=manifest({"a": TO_CLASSIFIER, "b": UPSTREAM}, **twins))
    )
    assert status == 200
    return dict(body)


async def test_configuration_answers_what_modules_need_to_start(
    control: aiohttp.ClientSession, tmp_path: Path
) -> None:
    modules = (await configure(control))["modules"]
    assert set(modules) == {"camera", "classifier"}
    assert modules["camera"]["workloadUri"] == f"unix://{tmp_path}/camera/workload.sock"
    assert modules["camera"]["generationId"].isdigit()
    socket = tmp_path / "camera" / "workload.sock"
    assert socket.is_socket()
    assert socket.stat().st_mode & 0o777 == 0o666
    assert socket.parent.stat().st_mode & 0o777 == 0o755
    again = (await configure(control))["modules"]
    assert again == modules  # identities and sockets stay


async def test_a_broken_route_answers_400_and_names_it(control: aiohttp.ClientSession) -> None:
    broken = manifest({"toNowhere": "FROM /messages/* INTO $nowhere"})
    status, body = await answer(await control.put("/configuration", json=broken))
    assert status == 400
    assert "toNowhere" in body["message"]


@pytest.mark.parametrize(
    ("verb", "path", "data", "status", "message"),
    [
        ("PUT", "/configuration", "{nonsense", 400, "the body is not JSON"),
        (
            "GET",
            "/modules/nobody/twin",
            None,
            404,
            "no module 'nobody'; there are: $edgeAgent, $edgeHub, camera",
        ),
        ("PATCH", "/modules/camera/twin/desired", '{"a.b": 1}', 400, "'a.b': no blank"),
        ("PATCH", "/modules/camera/twin/desired", "[]", 400, "a patch is a JSON object, not list"),
        ("PUT", "/upstream", '{"connected": "no"}', 400, 'write {"connected": true} or {"connected": false}'),
        ("PUT", "/upstream", "[]", 400, 'write {"connected": true} or {"connected": false}'),
        ("POST", "/modules/camera/methods", "{}", 400, "methodName: a text of 1 to 100 characters"),
        ("POST", "/modules/camera/methods", '{"methodName": "a/b"}', 400, "that a topic can hold"),
        ("POST", "/modules/camera/methods", '{"methodName": "\\ud800"}', 400, "that a topic can hold"),
        ("PATCH", "/modules/camera/twin/desired", '{"a": "\\ud800"}', 400, "a: half a surrogate pair"),
        ("PATCH", "/modules/camera/twin/desired", '{"\\ud800": 1}', 400, "half a surrogate pair"),
        ("PATCH", "/modules/$edgeHub/twin/desired", '{"routes": {"x": "FROM"}}', 400, "Error while parsing"),
        ("POST", "/modules/camera/methods", '{"methodName": "pause"}', 404, "edge/camera: not connected"),
        (
            "POST",
            "/modules/camera/methods",
            '{"methodName": "p", "responseTimeoutInSeconds": 0}',
            400,
            "responseTimeoutInSeconds: a number from 1 to 300",
        ),
    ],
)
async def test_refusals(
    control: aiohttp.ClientSession, verb: str, path: str, data: str | None, status: int, message: str
) -> None:
    await configure(control)
    got, body = await answer(await control.request(verb, path, data=data))
    assert (got, message in body["message"]) == (status, True), body


async def test_deployments_that_race_are_taken_one_after_the_other(
    control: aiohttp.ClientSession, hub: EdgeHub, tmp_path: Path
) -> None:
    documents = []
    for name in ("left", "right"):
        document = manifest({name: UPSTREAM})
        document["modulesContent"]["$edgeAgent"]["properties.desired"]["modules"] = {name: {}, "both": {}}
        documents.append(document)
    answers = await asyncio.gather(*(control.put("/configuration", json=documents[n % 2]) for n in range(6)))
    for n, response in enumerate(answers):
        status, body = await answer(response)
        assert (status, set(body["modules"])) == (200, {"both", ("left", "right")[n % 2]})
    (route,) = hub.router.routes
    assert {m for m in hub.identities.modules if not m.startswith("$")} == {"both", route.name}
    assert {path.parent.name for path in tmp_path.glob("*/*.sock")} == {"both", route.name}


async def test_an_answer_that_is_not_json_is_the_modules_fault(
    control: aiohttp.ClientSession, hub: EdgeHub
) -> None:
    await configure(control)
    link = RecordingLink()
    hub.attach(CAMERA, link, frozenset({Feature.METHODS}))
    call = asyncio.create_task(control.post("/modules/camera/methods", json={"methodName": "pause"}))
    while not link.calls:
        await asyncio.sleep(0.01)
    hub.method_answered(CAMERA, link.calls[0][0], 200, b"{half")
    status, body = await answer(await call)
    assert (status, body["message"]) == (502, "the answer of edge/camera is not JSON")


async def test_twins_are_read_and_patched(control: aiohttp.ClientSession, hub: EdgeHub) -> None:
    await configure(control, camera={"fps": 5})
    link = RecordingLink()
    hub.attach(CAMERA, link, frozenset({Feature.DESIRED}))
    assert await answer(await control.patch("/modules/camera/twin/desired", json={"fps": 7})) == (
        200,
        {"version": 3},
    )
    assert link.patches == [{"fps": 7, "$version": 3}]
    await control.patch(
        "/modules/$edgeAgent/twin/reported", json={"modules": {"camera": {"runtimeStatus": "running"}}}
    )
    status, twin = await answer(await control.get("/modules/camera/twin"))
    assert (status, twin["desired"]) == (200, {"fps": 7, "$version": 3})


async def test_a_method_is_answered_by_the_module(control: aiohttp.ClientSession, hub: EdgeHub) -> None:
    await configure(control)
    link = RecordingLink()
    hub.attach(CAMERA, link, frozenset({Feature.METHODS}))
    call = asyncio.create_task(
        control.post("/modules/camera/methods", json={"methodName": "snapshot", "payload": {"side": 32}})
    )
    async with asyncio.timeout(PATIENCE_S):
        while not link.calls:
            await asyncio.sleep(0.01)
    request_id, name, payload = link.calls[0]
    assert (name, payload) == ("snapshot", b'{"side": 32}')
    hub.method_answered(CAMERA, request_id, 500, b'{"error": "no frame yet"}')
    # The callee's own status is inside a 200 (spec E.5).
    assert await answer(await call) == (200, {"status": 500, "payload": {"error": "no frame yet"}})


async def test_queues_tell_what_waits(control: aiohttp.ClientSession, hub: EdgeHub) -> None:
    await configure(control)
    stored = asyncio.Event()
    hub.publish(CAMERA, "frames", {"n": "1"}, {}, b"x", stored.set)
    await stored.wait()
    _, body = await answer(await control.get("/queues"))
    assert {"endpoint": "edge/classifier/frames", "priority": 2_000_000_000, "length": 1} in body["queues"]


async def test_the_workload_api_signs_with_the_keys_that_the_module_has_now(
    control: aiohttp.ClientSession, hub: EdgeHub, tmp_path: Path
) -> None:
    await configure(control)
    new = {name: b64encode(name.encode() * 2).decode() for name in ("primaryKey", "secondaryKey")}
    async with control.put("/modules/camera/identity", json=new) as response:
        assert response.status == 200
    data = b64encode(b"what a token holds").decode()
    connector = aiohttp.UnixConnector(str(tmp_path / "camera" / "workload.sock"))
    async with (
        aiohttp.ClientSession("http://workload", connector=connector) as workload,
        workload.post("/modules/camera/genid/1/sign?api-version=2020-07-07", json={"data": data}) as response,
    ):
        digest = (await response.json())["digest"]
    assert b64decode(digest) == hmac.digest(b"primaryKeyprimaryKey", b"what a token holds", "sha256")


async def test_the_way_upstream_is_taken_away_and_given_back(
    control: aiohttp.ClientSession, hub: EdgeHub
) -> None:
    await configure(control)
    assert await answer(await control.get("/upstream")) == (200, {"connected": True})
    assert await answer(await control.put("/upstream", json={"connected": False})) == (
        200,
        {"connected": False},
    )
    assert await answer(await control.get("/upstream")) == (200, {"connected": False})
    stored = asyncio.Event()
    hub.publish(CAMERA, "frames", {"n": "1"}, {}, b"x", stored.set)
    await asyncio.wait_for(stored.wait(), PATIENCE_S)
    await eventually(lambda: hub.upstream.unconfirmed == 1)
    assert hub.statistics.delivered["iothub"] == 0
    assert await answer(await control.put("/upstream", json={"connected": True})) == (
        200,
        {"connected": True},
    )
    await eventually(lambda: hub.statistics.delivered["iothub"] == 1)
