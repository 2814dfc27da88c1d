"""Delivery to inputs and devices: what the head writes, and what a confirmation does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from edge_runtime.heads.mqtt import connection, outbox
from edge_runtime.heads.mqtt.packets import Puback, Publish
from edge_runtime.hub.message import ClientId, Message
from tests.heads import conftest
from tests.heads.raw_client import RawClient
from tests.heads.scripted_hub import ScriptedHub
from tests.patience import PATIENCE_S

CAMERA = ClientId("edge", "camera")
EVENTS = "devices/edge/modules/camera/messages/events/"
INPUTS = "devices/edge/modules/camera/inputs/#"
MESSAGE = Message(ClientId("edge", "source"), None, {"a": "1 2"}, {"messageId": "m"}, b"body")
INPUT_TOPIC = "devices/edge/modules/camera/inputs/frames/a=1%202&%24.mid=m&%24.cdid=edge&%24.cmid=source"


async def settle() -> None:
    """Let the head write what it has collected, and the network carry it."""
    await asyncio.sleep(0.05)


class TestDeliver:
    @pytest.fixture
    async def client(self, connect: conftest.Connect) -> RawClient:
        return await connect()

    def deliver(self, hub: ScriptedHub, acked: Callable[[], None], *, redelivery: bool = False) -> None:
        hub.links[CAMERA].deliver("frames", MESSAGE, redelivery=redelivery, acked=acked)

    async def test_qos_1_is_confirmed_by_puback(self, hub: ScriptedHub, client: RawClient) -> None:
        await client.subscribe(INPUTS)
        acked: list[int] = []
        self.deliver(hub, lambda: acked.append(1))
        self.deliver(hub, lambda: acked.append(2), redelivery=True)
        first, second = await client.expect(Publish), await client.expect(Publish)
        assert first == Publish(INPUT_TOPIC, b"body", 1, 1)
        assert second == Publish(INPUT_TOPIC, b"body", 1, 2, dup=True)
        client.send(Puback(2), Puback(2))
        await client.ping()
        assert acked == [2]
        client.send(Puback(1))
        await client.ping()
        assert acked == [2, 1]

    async def test_qos_0_is_confirmed_once_written(self, hub: ScriptedHub, client: RawClient) -> None:
        await client.subscribe(INPUTS, qos=0)
        acked: list[int] = []
        self.deliver(hub, lambda: acked.append(1), redelivery=True)
        assert acked == []
        assert await client.expect(Publish) == Publish(INPUT_TOPIC, b"body")
        assert acked == [1]

    async def test_nothing_is_confirmed_after_the_end(self, hub: ScriptedHub, client: RawClient) -> None:
        await client.subscribe(INPUTS)
        acked: list[int] = []
        link = hub.links[CAMERA]
        self.deliver(hub, lambda: acked.append(1))
        link.close("test")
        link.deliver("frames", MESSAGE, redelivery=False, acked=lambda: acked.append(2))
        await client.expect(Publish)
        client.send(Puback(1))
        await client.expect_closed()
        async with asyncio.timeout(PATIENCE_S):
            while hub.links:
                await asyncio.sleep(0.01)
        assert acked == []

    async def test_a_qos_0_message_for_a_closing_connection_is_not_confirmed(
        self, hub: ScriptedHub, client: RawClient
    ) -> None:
        await client.subscribe(INPUTS, qos=0)
        acked: list[int] = []
        link = hub.links[CAMERA]
        link.close("test")
        link.deliver("frames", MESSAGE, redelivery=False, acked=lambda: acked.append(1))
        await client.expect_closed()
        await settle()
        assert acked == []

    async def test_packet_ids_wrap_round_those_in_use(
        self, hub: ScriptedHub, client: RawClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(outbox, "_MAX_PACKET_ID", 3)
        await client.subscribe(INPUTS)
        seen = []
        for _ in range(3):
            self.deliver(hub, lambda: None)
            seen.append((await client.expect(Publish)).packet_id)
        client.send(Puback(2))
        await client.ping()
        self.deliver(hub, lambda: None)
        seen.append((await client.expect(Publish)).packet_id)
        assert seen == [1, 2, 3, 2]
        self.deliver(hub, lambda: None)  # every id waits for a PUBACK
        await client.expect_closed()

    async def test_a_topic_that_mqtt_cannot_carry_is_counted_and_out_of_the_way(
        self, hub: ScriptedHub, client: RawClient
    ) -> None:
        await client.subscribe(INPUTS)
        acked: list[int] = []
        # 40,000 bytes as they came, 120,000 once escaped.
        wide = Message(MESSAGE.sender, None, {"a": "é" * 20_000}, {}, b"")
        hub.links[CAMERA].deliver("frames", wide, redelivery=False, acked=lambda: acked.append(1))
        await client.ping()
        assert acked == [1]
        assert hub.drops == [("edge/camera", "too_large")]

    async def test_a_device_gets_cloud_to_device_messages(
        self, hub: ScriptedHub, connect: conftest.Connect
    ) -> None:
        client = await connect("leaf")
        await client.subscribe("devices/leaf/messages/devicebound/#")
        hub.links[ClientId("leaf")].deliver("", MESSAGE, redelivery=False, acked=lambda: None)
        received = await client.expect(Publish)
        assert received.topic.startswith("devices/leaf/messages/devicebound/%24.to=%2Fdevices%2Fleaf%2F")
        assert "%24.cdid" not in received.topic  # it comes from the cloud, not from a client
        assert received.qos == 1

    async def test_one_write_a_turn(
        self, hub: ScriptedHub, client: RawClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await client.subscribe(INPUTS)
        link = hub.links[CAMERA]
        assert isinstance(link, connection.Connection)
        transport = link._transport
        assert transport is not None
        writes: list[int] = []
        write = transport.write

        def count(data: bytes) -> None:
            writes.append(len(data))
            write(data)

        monkeypatch.setattr(transport, "write", count)
        for _ in range(10):
            self.deliver(hub, lambda: None)
        for _ in range(10):
            await client.expect(Publish)
        assert len(writes) == 1
