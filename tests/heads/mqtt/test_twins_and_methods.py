"""Twin requests, desired patches and direct methods over a real connection (spec B.7, B.8)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from edge_runtime.heads.mqtt import session
from edge_runtime.heads.mqtt.connection import Connection
from edge_runtime.heads.mqtt.outbox import MAX_WAITING_BYTES
from edge_runtime.heads.mqtt.packets import Publish
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import InvalidTwinError, JsonObject, NotReadyError
from tests.heads import conftest
from tests.heads.raw_client import RawClient
from tests.heads.scripted_hub import ScriptedHub
from tests.patience import PATIENCE_S

CAMERA = ClientId("edge", "camera")
GET = "$iothub/twin/GET/?$rid="
REPORT = "$iothub/twin/PATCH/properties/reported/?$rid="
RESPONSES = "$iothub/twin/res/#"
TWIN: JsonObject = {"desired": {"fps": 3, "$version": 2}, "reported": {"$version": 1}}


@pytest.fixture
async def client(connect: conftest.Connect) -> RawClient:
    client = await connect()
    await client.subscribe(RESPONSES)
    return client


class TestGet:
    async def test_the_bare_sections(self, hub: ScriptedHub, client: RawClient) -> None:
        hub.twins = [TWIN]
        await client.publish(GET + "a1", b" ")
        answer = await client.expect(Publish)
        assert (answer.topic, json.loads(answer.payload)) == ("$iothub/twin/res/200/?$rid=a1", TWIN)
        assert answer.qos == 1

    async def test_qos_0_as_node_asks(self, hub: ScriptedHub, connect: conftest.Connect) -> None:
        client = await connect()
        await client.subscribe(RESPONSES, qos=0)
        hub.twins = [TWIN]
        client.send(Publish(GET + "1%2Fx", b""))
        answer = await client.expect(Publish)
        assert (answer.topic, answer.qos) == ("$iothub/twin/res/200/?$rid=1%2Fx", 0)

    async def test_without_the_subscription_there_is_no_answer(
        self, hub: ScriptedHub, connect: conftest.Connect
    ) -> None:
        client = await connect()
        hub.twins = [TWIN]
        await client.publish(GET + "1")
        await client.ping()

    async def test_answers_wait_for_a_client_that_does_not_read(
        self, hub: ScriptedHub, client: RawClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A request is small and an answer is not: they must not pile up in the hub's memory."""
        size, requests = 32 * 1024, 1000
        monkeypatch.setattr(session, "_CONGESTED_S", 0)
        hub.twins = [{"desired": {"text": "x" * size, "$version": 2}, "reported": {"$version": 1}}] * requests
        link = hub.links[CAMERA]
        assert isinstance(link, Connection)
        transport = link._transport
        assert transport is not None
        for number in range(requests):
            client.send(Publish(f"{GET}{number}", b""))
        async with asyncio.timeout(PATIENCE_S):
            while transport.get_write_buffer_size() <= MAX_WAITING_BYTES:  # the kernel takes some
                await asyncio.sleep(0.001)
        for _ in range(1000):  # turns of the loop in which more could be answered
            assert transport.get_write_buffer_size() < 3 * MAX_WAITING_BYTES
            await asyncio.sleep(0)
        assert hub.twins
        for number in range(requests):
            assert (await client.expect(Publish)).topic.endswith(f"$rid={number}")

    async def test_a_hub_that_is_not_ready_delays_the_answer(
        self, hub: ScriptedHub, client: RawClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(session, "_TWIN_RETRY_S", 0.05)
        hub.twins = [NotReadyError("starting"), NotReadyError("starting"), TWIN]
        await client.publish(GET + "1")
        await client.publish("devices/edge/modules/camera/messages/events/")  # is not held back
        assert (await client.expect(Publish)).topic == "$iothub/twin/res/200/?$rid=1"


class TestReport:
    async def test_204_when_durable(self, hub: ScriptedHub, client: RawClient) -> None:
        hub.disk.clear()
        client.send(Publish(REPORT + "7", b'{"state": "on", "gone": null}'))
        await client.ping()  # no answer before the disk has it
        hub.disk.set()
        assert await client.expect(Publish) == Publish("$iothub/twin/res/204/?$rid=7", b"", 1, 1)
        assert hub.reported == [{"state": "on", "gone": None}]

    async def test_a_get_sees_the_patch_before_it(self, hub: ScriptedHub, client: RawClient) -> None:
        hub.disk.clear()
        hub.twins = [TWIN]
        client.send(Publish(REPORT + "1", b'{"a": 1}'), Publish(GET + "2", b""))
        await client.ping()
        hub.disk.set()
        topics = [(await client.expect(Publish)).topic for _ in range(2)]
        assert topics == ["$iothub/twin/res/204/?$rid=1", "$iothub/twin/res/200/?$rid=2"]

    @pytest.mark.parametrize(
        "payload",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b'"text"',
            b'{"a": NaN}',
            b'{"a": 1} more',
            b"\xff",
            b'{"a": "\\ud800"}',
            b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
            b'{"a": ' + b"9" * 10_000 + b"}",
        ],
        ids=lambda payload: repr(payload[:12]),
    )
    async def test_400_for_what_is_no_json_object(
        self, hub: ScriptedHub, client: RawClient, payload: bytes
    ) -> None:
        client.send(Publish(REPORT + "7", payload))
        assert (await client.expect(Publish)).topic == "$iothub/twin/res/400/?$rid=7"
        assert hub.reported == []
        assert hub.drops == [("edge/camera", "invalid_twin")]

    async def test_400_for_what_the_hub_refuses(self, hub: ScriptedHub, client: RawClient) -> None:
        hub.report_error = InvalidTwinError("a.b: no dots")
        client.send(Publish(REPORT + "7", b'{"a.b": 1}'))
        assert (await client.expect(Publish)).topic == "$iothub/twin/res/400/?$rid=7"

    async def test_a_hub_that_is_not_ready_makes_the_client_come_back(
        self, hub: ScriptedHub, client: RawClient
    ) -> None:
        hub.report_error = NotReadyError("disk full")
        client.send(Publish(REPORT + "7", b"{}", 1, 1))
        await client.expect_closed()  # and no PUBACK, so that the patch is sent again

    async def test_an_error_of_the_hub_ends_the_connection(
        self, hub: ScriptedHub, client: RawClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        hub.report_error = RuntimeError("defect")
        client.send(Publish(REPORT + "7", b"{}", 1, 1))
        await client.expect_closed()
        assert "defect" in caplog.text


async def test_desired_patch(hub: ScriptedHub, client: RawClient) -> None:
    await client.subscribe("$iothub/twin/PATCH/properties/desired/#")
    hub.links[CAMERA].patch_desired({"fps": None, "$version": 3}, 3)
    patch = await client.expect(Publish)
    assert patch.topic == "$iothub/twin/PATCH/properties/desired/?$version=3"
    assert (json.loads(patch.payload), patch.qos) == ({"fps": None, "$version": 3}, 1)


@pytest.mark.parametrize(("qos", "status"), [(0, 200), (1, -7)])
async def test_method(hub: ScriptedHub, client: RawClient, qos: int, status: int) -> None:
    await client.subscribe("$iothub/methods/POST/#", qos=qos)
    hub.links[CAMERA].invoke("r/1", "pause", b"null")
    request: Any = await client.expect(Publish)
    assert (request.topic, request.payload) == ("$iothub/methods/POST/pause/?$rid=r%2F1", b"null")
    assert request.qos == qos
    client.send(Publish(f"$iothub/methods/res/{status}/?$rid=r%2F1", b'{"ok": true}'))
    await client.ping()
    assert hub.answers == [("r/1", status, b'{"ok": true}')]
