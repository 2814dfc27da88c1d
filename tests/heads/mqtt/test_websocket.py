"""MQTT in websocket frames, by a client that cuts packets and breaks rules."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from edge_runtime.heads.http_listener import HttpListener
from edge_runtime.heads.mqtt.codec import MAX_REMAINING_LENGTH
from edge_runtime.heads.mqtt.encoder import encode
from edge_runtime.heads.mqtt.outbox import MAX_WAITING_BYTES
from edge_runtime.heads.mqtt.packets import (
    Connack,
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Suback,
    Subscribe,
)
from edge_runtime.heads.mqtt.server import MqttServer
from edge_runtime.heads.mqtt.websocket import PATH, MqttOverWebsockets
from edge_runtime.hub.certificates import Certificates, server_context
from edge_runtime.hub.message import ClientId, Message
from tests.heads.raw_client import PacketReader, connect_packet
from tests.heads.scripted_hub import ScriptedHub
from tests.patience import eventually

CAMERA = ClientId("edge", "camera")


class Client(PacketReader):
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        super().__init__()
        self.socket = socket

    async def send(self, *packets: Packet) -> None:
        await self.socket.send_bytes(b"".join(map(encode, packets)))

    async def read(self) -> bytes:
        message = await self.socket.receive()
        return message.data if message.type is WSMsgType.BINARY else b""

    async def log_in(self) -> None:
        await self.send(connect_packet("edge/camera"))
        assert (await self.expect(Connack)).code == 0


@pytest.fixture
async def server(hub: ScriptedHub, certificates: Certificates) -> AsyncIterator[MqttServer]:
    server = MqttServer(hub, server_context(certificates))
    yield server
    await server.close()


@pytest.fixture
async def listener(
    server: MqttServer, hub: ScriptedHub, certificates: Certificates, loopback: str
) -> AsyncIterator[HttpListener]:
    application = web.Application()
    MqttOverWebsockets(server).add_to(application)
    listener = HttpListener(
        application, server_context(certificates), lambda reason, _: hub.drop(None, reason, "")
    )
    await listener.listen(loopback, 443)
    yield listener
    await listener.close()


@pytest.fixture
async def session(listener: HttpListener, certificates: Certificates) -> AsyncIterator[aiohttp.ClientSession]:
    context = ssl.create_default_context(cadata=certificates.trust_bundle)
    context.check_hostname = False
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
        yield session


@pytest.fixture
async def client(session: aiohttp.ClientSession, loopback: str) -> AsyncIterator[Client]:
    async with session.ws_connect(f"https://{loopback}{PATH}", protocols=("mqtt",)) as socket:
        assert socket.protocol == "mqtt"
        yield Client(socket)


async def test_frames_and_packets_have_nothing_to_do_with_each_other(
    client: Client, hub: ScriptedHub
) -> None:
    await client.log_in()
    topic = "devices/edge/modules/camera/messages/events/"
    stream = b"".join(encode(Publish(topic, b"x" * 300, 1, number)) for number in (1, 2, 3))
    for start in range(0, len(stream), 7):
        await client.socket.send_bytes(stream[start : start + 7])
    assert [await client.expect(Puback) for _ in range(3)] == [Puback(1), Puback(2), Puback(3)]
    await client.send(*(Publish(topic, b"y", 1, number) for number in (4, 5)))
    assert [await client.expect(Puback) for _ in range(2)] == [Puback(4), Puback(5)]
    assert [len(message.body) for message in hub.published] == [300, 300, 300, 1, 1]


async def test_messages_come_in_order_to_a_slow_reader(client: Client, hub: ScriptedHub) -> None:
    await client.log_in()
    await client.send(Subscribe(1, [("devices/edge/modules/camera/inputs/#", 1)]))
    await client.expect(Suback)
    link, body = hub.links[CAMERA], bytes(200 * 1024)
    sent = 0
    while link.writable:  # nobody reads: what the kernel does not take, waits here, and no more than that
        link.deliver(
            "in", Message(CAMERA, None, {"n": str(sent)}, {}, body), redelivery=False, acked=lambda: None
        )
        sent += 1
        await asyncio.sleep(0)
        assert sent < 1000
    assert hub.resumed == 0
    received = [(await client.expect(Publish)).topic for _ in range(sent)]
    assert [topic.rpartition("/")[2].split("&")[0] for topic in received] == [f"n={n}" for n in range(sent)]
    await eventually(lambda: hub.resumed)
    assert sent * len(body) > MAX_WAITING_BYTES


async def test_a_hub_that_is_slow_pauses_the_client(client: Client, hub: ScriptedHub) -> None:
    hub.stores_at_once = False
    await client.log_in()
    topic = "devices/edge/modules/camera/messages/events/"
    await client.send(*(Publish(topic, b"x", 1, number) for number in range(1, 66)))
    await eventually(lambda: len(hub.published) == 65)
    await client.send(Publish(topic, b"x", 1, 66))
    await asyncio.sleep(0.1)
    assert len(hub.published) == 65
    for message in hub.published:
        message.stored()
    await eventually(lambda: len(hub.published) == 66)


@pytest.mark.parametrize("offered", [(), ("amqp",)])
async def test_without_the_sub_protocol_it_is_400(
    session: aiohttp.ClientSession, loopback: str, offered: tuple[str, ...]
) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await session.ws_connect(f"https://{loopback}{PATH}", protocols=offered)
    assert refused.value.status == 400


async def test_a_plain_request_is_400(session: aiohttp.ClientSession, loopback: str) -> None:
    async with session.get(f"https://{loopback}{PATH}") as response:
        assert response.status == 400


async def test_text_ends_the_connection(
    client: Client, hub: ScriptedHub, caplog: pytest.LogCaptureFixture
) -> None:
    await client.log_in()
    await client.socket.send_str("MQTT")
    await client.expect_closed()
    await eventually(lambda: not hub.links)
    assert "Traceback" not in caplog.text


async def test_a_frame_beyond_any_packet_ends_the_connection(client: Client, hub: ScriptedHub) -> None:
    await client.log_in()
    await client.socket.send_bytes(bytes(MAX_REMAINING_LENGTH + 6))
    await client.expect_closed()
    await eventually(lambda: not hub.links)


async def test_what_is_no_mqtt_ends_the_connection(client: Client, hub: ScriptedHub) -> None:
    await client.send(Pingreq())
    await client.expect_closed()
    assert hub.drops == [(None, "unexpected_packet")]


async def test_a_refusal_is_told_before_the_end(client: Client, hub: ScriptedHub) -> None:
    await client.send(Connect("edge/camera", username="nonsense"))
    assert (await client.expect(Connack)).code == 3
    await client.expect_closed()


async def test_a_disconnect_and_a_lost_client_leave_the_hub(
    client: Client, hub: ScriptedHub, session: aiohttp.ClientSession, loopback: str
) -> None:
    await client.log_in()
    await client.send(Disconnect())
    await client.expect_closed()
    await eventually(lambda: not hub.links)
    async with session.ws_connect(f"https://{loopback}{PATH}", protocols=("mqtt",)) as socket:
        second = Client(socket)
        await second.log_in()
        response = socket._response
        assert response.connection is not None
        assert response.connection.transport is not None
        response.connection.transport.abort()
        await eventually(lambda: not hub.links)


async def test_a_stranger_who_says_nothing_is_dropped(
    server: MqttServer, client: Client, hub: ScriptedHub
) -> None:
    (connection,) = server._half_open
    transport, _ = server._half_open[connection]
    server._give_up(connection, transport, "connect_timeout")
    await client.expect_closed()
    assert hub.drops == [(None, "connect_timeout")]
    await eventually(lambda: not server._connections)


async def test_the_end_of_the_listener_ends_its_websockets(
    listener: HttpListener, client: Client, hub: ScriptedHub
) -> None:
    await client.log_in()
    closing = asyncio.create_task(listener.close())
    await client.expect_closed()
    await closing
    await eventually(lambda: not hub.links)


async def test_the_newest_connection_wins_whatever_carries_it(
    client: Client, hub: ScriptedHub, session: aiohttp.ClientSession, loopback: str
) -> None:
    await client.log_in()
    async with session.ws_connect(f"https://{loopback}{PATH}", protocols=("mqtt",)) as socket:
        second = Client(socket)
        await second.log_in()
        await client.expect_closed()
        await second.send(Pingreq())
        await second.expect(Pingresp)
