"""Methods from module to module over HTTPS (B.9), by requests that no SDK would send as well as by those they do."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import ssl
from collections.abc import Mapping
from typing import Any, NamedTuple

import aiohttp
import pytest
from yarl import URL

from edge_runtime.heads import module_methods
from edge_runtime.heads.mqtt.packets import Publish
from edge_runtime.hub import methods
from edge_runtime.hub.certificates import Certificates
from tests.conformance.device import Clients, Device
from tests.heads.raw_client import RawClient
from tests.patience import PATIENCE_S

METHODS = "$iothub/methods/POST/#"
CALLER = "x-ms-edge-moduleId"


class Answer(NamedTuple):
    status: int
    content_type: str
    document: Any
    text: str


class Caller:
    """Posts method calls as `camera`, unless the test says otherwise."""

    def __init__(self, device: Device, address: str, certificates: Certificates) -> None:
        self.device = device
        self._address = address
        self._context = ssl.create_default_context(cadata=certificates.trust_bundle)

    async def post(
        self,
        path: str = "/twins/edge/modules/classifier/methods",
        call: Any = None,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> Answer:
        given: dict[str, str | None] = {
            CALLER: "edge/camera",
            "Authorization": self.device.token("camera").decode(),
            "Host": "gateway.local",
        }
        given |= headers or {}
        data = (
            body if body is not None else json.dumps({"methodName": "go"} if call is None else call).encode()
        )
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                # As it is written, for the writing is what is tested.
                URL(f"https://{self._address}{path}", encoded=True),
                data=io.BytesIO(data),
                headers={name: value for name, value in given.items() if value is not None},
                ssl=self._context,
                server_hostname="gateway.local",
            ) as response,
        ):
            text = await response.text()
            return Answer(response.status, response.headers["Content-Type"], json.loads(text), text)


@pytest.fixture
async def caller(device: Device, loopback: str, certificates: Certificates) -> Caller:
    await device.deploy({})
    return Caller(device, loopback, certificates)


async def listening(clients: Clients, module: str = "classifier") -> RawClient:
    client = await clients.connect(module)
    await client.subscribe(METHODS)
    return client


async def replying(client: RawClient, status: int, payload: bytes) -> tuple[str, bytes]:
    """Answer the next request; its name and payload."""
    request = await client.expect(Publish)
    name, request_id = request.topic.removeprefix("$iothub/methods/POST/").split("/?$rid=")
    client.send(Publish(f"$iothub/methods/res/{status}/?$rid={request_id}", payload))
    return name, request.payload


@pytest.mark.parametrize("query", ["", "?api-version=2019-10-01"])
async def test_a_call_and_its_answer(caller: Caller, clients: Clients, query: str) -> None:
    """B.9-1, B.9-2, B.9-8: the callee's status and JSON as it wrote it, with an API version or without."""
    callee = await listening(clients)
    asked = asyncio.create_task(
        caller.post(
            f"/twins/edge/modules/classifier/methods{query}",
            {"methodName": "go", "payload": {"a": [1, None]}},
        )
    )
    assert await replying(callee, 207, b'{"n": 1.50, "n2": 123456789012345678901}') == (
        "go",
        b'{"a": [1, null]}',
    )
    answer = await asked
    assert (answer.status, answer.content_type) == (200, "application/json; charset=utf-8")
    assert answer.document == {"status": 207, "payload": {"n": 1.5, "n2": 123456789012345678901}}
    assert '"n": 1.50' in answer.text


async def test_failures_have_a_message(
    caller: Caller, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B.9-8: 404 and 504."""
    answer = await caller.post()
    assert (answer.status, answer.content_type) == (404, "application/json; charset=utf-8")
    assert "edge/classifier" in answer.document["message"]
    for unknown in ("/twins/edge/modules/nobody/methods", "/twins/other/methods"):
        assert (await caller.post(unknown)).status == 404
    callee = await listening(clients)
    answer = await caller.post(call={"methodName": "go", "responseTimeoutInSeconds": 5})
    assert answer.status == 504
    assert "'go'" in answer.document["message"]
    await callee.expect(Publish)


async def test_a_target_that_comes_in_time_is_called(
    caller: Caller, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B.9-7, B.8-3b: it is waited for as long as the caller says."""
    monkeypatch.setattr(methods, "RELEASE_DELAY_S", 0.01)
    asked = asyncio.create_task(caller.post(call={"methodName": "go", "connectTimeoutInSeconds": 300}))
    callee = await listening(clients)
    await replying(callee, 200, b"")
    assert (await asked).document == {"status": 200, "payload": None}


@pytest.mark.parametrize("named", [None, "", "camera", "edge/", "/camera", "edge/camera/x"])
async def test_the_caller_must_be_named(caller: Caller, named: str | None) -> None:
    """B.9-4, G-21: DEVICE/MODULE, or it is 400."""
    answer = await caller.post(headers={CALLER: named})
    assert answer.status == 400
    assert CALLER in answer.document["message"]


async def test_the_caller_s_token_is_checked(caller: Caller, device: Device) -> None:
    """B.9-5: its own, still valid, and of this device, or it is 401."""
    good = device.token("camera").decode()
    for headers in (
        {"Authorization": None},
        {"Authorization": "Bearer x"},
        {"Authorization": good[:-12] + "%3D&se=99999999999"},
        {"Authorization": device.token("classifier").decode()},
        {"Authorization": device.token("camera", valid_s=-1000).decode()},
        {CALLER: "edge/nobody"},
        {CALLER: "other/camera"},
    ):
        answer = await caller.post(headers=headers)
        assert answer.status == 401, headers
        # Neither what exists nor what was sent is told.
        assert answer.document == {"message": f"the token is not one of the caller that {CALLER} names"}
    assert (await caller.post(headers={"Authorization": good})).status == 404
    assert device.hub.statistics.dropped["not_authenticated"] == 7


@pytest.mark.parametrize(
    "host", ["gateway.local", "gateway.local:443", "127.0.0.1", "hub.net", "elsewhere.example"]
)
async def test_any_host_will_do(caller: Caller, host: str) -> None:
    """B.9-3: both SDKs send the gateway's, which edgeHub does not look at; the token is what counts."""
    assert (await caller.post(headers={"Host": host})).status == 404
    assert (await caller.post(headers={"Host": host, "Authorization": None})).status == 401


@pytest.mark.parametrize("written", ["a+b", "a%20b", "%61%20b"])
async def test_a_plus_in_the_path_is_a_blank(
    caller: Caller, device: Device, clients: Clients, written: str
) -> None:
    """B.9-6, G-10: as Python writes it, and as Node does; %2B is a plus in both."""
    await device.deploy({}, **{"a b": {}, "a+b": {}})
    blank, plus = await listening(clients, "a b"), await listening(clients, "a+b")
    asked = asyncio.create_task(caller.post(f"/twins/edge/modules/{written}/methods"))
    await replying(blank, 200, b'"blank"')
    assert (await asked).document["payload"] == "blank"
    asked = asyncio.create_task(caller.post("/twins/edge/modules/a%2Bb/methods"))
    await replying(plus, 200, b'"plus"')
    assert (await asked).document["payload"] == "plus"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"methodName": "x" * 100}, 404),
        ({"methodName": "x" * 101}, 400),
        ({"methodName": ""}, 400),
        ({"methodName": None}, 400),
        ({"methodName": "a/b"}, 400),
        ({"payload": "x" * (128 * 1024 - 2)}, 404),
        ({"payload": "x" * (128 * 1024 - 1)}, 400),
        ({"responseTimeoutInSeconds": 5}, 404),
        ({"responseTimeoutInSeconds": 4}, 400),
        ({"responseTimeoutInSeconds": 300}, 404),
        ({"responseTimeoutInSeconds": 301}, 400),
        ({"responseTimeoutInSeconds": "30"}, 400),
        ({"connectTimeoutInSeconds": True}, 400),
        ({"responseTimeoutInSeconds": None}, 404),
        ({"connectTimeoutInSeconds": 0}, 404),
        ({"connectTimeoutInSeconds": -1}, 400),
        ({"connectTimeoutInSeconds": 301}, 400),
    ],
)
async def test_bounds(caller: Caller, fields: dict[str, Any], status: int) -> None:
    """B.9-7: within them nobody is there to be called, beyond them it is 400."""
    answer = await caller.post(call={"methodName": "go", **fields})
    assert answer.status == status
    if status == 400:
        assert next(iter(fields)) in answer.document["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 50_000, b'"text"'])
async def test_a_body_that_is_no_call(caller: Caller, body: bytes) -> None:
    """B.9-7"""
    assert (await caller.post(body=body)).status == 400


async def test_a_body_that_is_too_great(caller: Caller, device: Device) -> None:
    """B.9-7: it is not kept in memory to find that out."""
    answer = await caller.post(body=b" " * (1024 * 1024 + 1))
    assert answer.status == 413


@pytest.mark.parametrize("path", ["/", "/twins/edge", "/devices/edge/files", "/$iothub/rest"])
async def test_nothing_else_is_there(caller: Caller, path: str) -> None:
    """B.10-1: an upload of files has no route."""
    assert (await caller.post(path)).status == 404


async def test_secrets_are_not_logged(caller: Caller, caplog: pytest.LogCaptureFixture) -> None:
    """B.9-5"""
    caplog.set_level("DEBUG")
    token = caller.device.token("camera", valid_s=-1000).decode()
    await caller.post(headers={"Authorization": token})
    assert "expired_token" in caplog.text
    assert token.split("sig=")[1][:20] not in caplog.text


async def test_a_body_that_does_not_come_is_408(
    caller: Caller,
    device: Device,
    monkeypatch: pytest.MonkeyPatch,
    certificates: Certificates,
    loopback: str,
) -> None:
    """B.9-7: a caller that is too slow holds nothing for long, and is told."""
    monkeypatch.setattr(module_methods, "_BODY_TIMEOUT_S", 0.2)
    context = ssl.create_default_context(cadata=certificates.trust_bundle)
    reader, writer = await asyncio.open_connection(
        loopback, 443, ssl=context, server_hostname="gateway.local"
    )
    writer.write(
        b"POST /twins/edge/modules/classifier/methods HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n"
        b"x-ms-edge-moduleId: edge/camera\r\nAuthorization: " + device.token("camera") + b"\r\n\r\n{"
    )
    assert (await asyncio.wait_for(reader.readline(), PATIENCE_S)).split()[1] == b"408"
    assert device.hub.statistics.dropped == {"slow_request": 1}
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
