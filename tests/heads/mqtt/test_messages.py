"""Telemetry in, input messages out, over a real connection (spec B.2 to B.5)."""

from __future__ import annotations

import asyncio

import pytest

from edge_runtime.heads.mqtt import connection, outbox, subscriptions
from edge_runtime.heads.mqtt.packets import Puback, Publish, Suback, Subscribe, Unsuback, Unsubscribe
from edge_runtime.hub.message import ClientId, Message
from edge_runtime.hub.ports import Feature
from tests.heads import conftest
from tests.heads.scripted_hub import ScriptedHub
from tests.patience import PATIENCE_S

CAMERA = ClientId("edge", "camera")
EVENTS = "devices/edge/modules/camera/messages/events/"
INPUTS = "devices/edge/modules/camera/inputs/#"
MESSAGE = Message(ClientId("edge", "source"), None, {"a": "1 2"}, {"messageId": "m"}, b"body")
INPUT_TOPIC = "devices/edge/modules/camera/inputs/frames/a=1%202&%24.mid=m&%24.cdid=edge&%24.cmid=source"


class TestPublish:
    async def test_what_the_hub_gets(self, hub: ScriptedHub, connect: conftest.Connect) -> None:
        client = await connect()
        await client.publish(EVENTS + "%24.on=out&%24.mid=7&a=b%20c", b"body")
        (message,) = hub.published
        assert (message.client, message.output, message.body) == (CAMERA, "out", b"body")
        assert message.app == {"a": "b c"}
        assert message.sys == {"outputName": "out", "messageId": "7"}

    async def test_retain_and_dup_become_properties(
        self, hub: ScriptedHub, connect: conftest.Connect
    ) -> None:
        client = await connect()
        await client.publish(EVENTS, retain=True)
        await client.publish(EVENTS, dup=True)
        assert [message.app for message in hub.published] == [{"mqtt-retain": "true"}, {"mqtt-dup": "true"}]

    async def test_qos_0_is_stored_and_not_acknowledged(
        self, hub: ScriptedHub, connect: conftest.Connect
    ) -> None:
        client = await connect()
        client.send(Publish(EVENTS, b"body"))
        await client.ping()
        assert [message.body for message in hub.published] == [b"body"]

    async def test_pubacks_follow_the_store_in_order(
        self, hub: ScriptedHub, connect: conftest.Connect
    ) -> None:
        hub.stores_at_once = False
        client = await connect()
        client.send(*(Publish(EVENTS, b"", 1, packet_id) for packet_id in (5, 6, 7)))
        await client.ping()  # nothing is acknowledged yet
        hub.published[2].stored()
        hub.published[1].stored()
        client.send(Publish(EVENTS, b"", 0))
        await client.ping()  # the first is still missing
        hub.published.pop().stored()  # QoS 0 neither waits nor holds back
        hub.published[0].stored()
        hub.published[0].stored()  # twice does no harm
        assert [await client.receive() for _ in range(3)] == [Puback(5), Puback(6), Puback(7)]
        await client.ping()

    async def test_a_bag_with_two_equals_signs_is_dropped_and_acknowledged(
        self, hub: ScriptedHub, connect: conftest.Connect
    ) -> None:
        client = await connect()
        await client.publish(EVENTS + "a=b=c")
        assert (hub.published, hub.drops) == ([], [("edge/camera", "bad_properties")])

    async def test_a_client_cannot_speak_for_another(
        self, hub: ScriptedHub, connect: conftest.Connect
    ) -> None:
        client = await connect()
        await client.publish(EVENTS + "%24.cmid=other&a=1")
        assert [message.app for message in hub.published] == [{"a": "1"}]
        assert hub.drops == [("edge/camera", "refused_property")]

    @pytest.mark.parametrize(
        ("topic", "body", "accepted"),
        [
            (EVENTS, 262_144, True),
            (EVENTS, 262_145, False),
            (EVENTS + "ab=cd", 262_140, True),
            (EVENTS + "ab=cd", 262_141, False),
            (EVENTS + "ab=%C3%A9", 262_140, True),  # é is two bytes, however it was written
            (EVENTS + "ab=%C3%A9", 262_141, False),
            (EVENTS, 1024 * 1024 - 2 - len(EVENTS) - 2, False),  # the greatest packet that is read at all
        ],
    )
    async def test_the_limit_on_a_message(
        self, hub: ScriptedHub, connect: conftest.Connect, topic: str, body: int, accepted: bool
    ) -> None:
        client = await connect()
        await client.publish(topic, bytes(body))
        assert [len(message.body) for message in hub.published] == ([body] if accepted else [])
        assert hub.drops == ([] if accepted else [("edge/camera", "too_large")])

    @pytest.mark.parametrize("remaining", [1024 * 1024 + 1, 10_000_000, 268_435_455])
    async def test_a_greater_packet_closes_at_its_header(
        self, hub: ScriptedHub, connect: conftest.Connect, remaining: int
    ) -> None:
        client = await connect()
        length = bytearray()
        while remaining:
            remaining, digit = divmod(remaining, 128)
            length.append(digit | (0x80 if remaining else 0))
        client.send(b"\x32" + bytes(length))
        await client.expect_closed()
        assert hub.drops == [("edge/camera", "oversize")]

    async def test_a_thousand_properties(self, hub: ScriptedHub, connect: conftest.Connect) -> None:
        client = await connect()
        await client.publish(EVENTS + "&".join(f"name{n}=value" for n in range(1000)))
        assert len(hub.published[0].app) == 1000

    @pytest.mark.parametrize(
        "topic",
        [
            "devices/edge/modules/other/messages/events/",
            "devices/other/modules/camera/messages/events/",
            "devices/edge/messages/events/",
            "devices/leaf/messages/events/",
        ],
    )
    async def test_publishing_as_somebody_else_closes(
        self, hub: ScriptedHub, connect: conftest.Connect, topic: str
    ) -> None:
        client = await connect()
        client.send(Publish(topic, b"", 1, 1))
        await client.expect_closed()
        assert (hub.published, hub.drops) == ([], [("edge/camera", "foreign_topic")])

    @pytest.mark.parametrize(
        "topic", ["something/else", "$iothub/twin/GET/", "$SYS/x", "devices/edge/modules/camera/inputs/in/"]
    )
    async def test_an_unknown_topic_is_dropped_and_acknowledged(
        self, hub: ScriptedHub, connect: conftest.Connect, topic: str
    ) -> None:
        client = await connect()
        await client.publish(topic)
        assert (hub.published, hub.drops) == ([], [("edge/camera", "bad_topic")])


class TestBackPressure:
    async def test_reading_pauses_above_24_unacknowledged_publishes(
        self, hub: ScriptedHub, connect: conftest.Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connection, "MAX_SILENCE_S", 1.0)
        hub.stores_at_once = False
        client = await connect()
        payload = bytes(100_000)
        for packet_id in range(1, 301):
            client.send(Publish(EVENTS, payload, 1, packet_id))
        async with asyncio.timeout(PATIENCE_S):
            while len(hub.published) <= 24:
                await asyncio.sleep(0.01)
        await asyncio.sleep(1.5)  # longer than the silence allowed: it is not the client's
        held = len(hub.published)
        assert 24 < held < 40
        for message in list(hub.published):
            message.stored()
        hub.stores_at_once = True
        acknowledged = [await client.receive() for _ in range(300)]
        assert acknowledged == [Puback(packet_id) for packet_id in range(1, 301)]

    async def test_requests_that_wait_for_the_disk_pause_reading_too(
        self, hub: ScriptedHub, connect: conftest.Connect
    ) -> None:
        hub.disk.clear()
        client = await connect()
        for n in range(1, 201):
            client.send(Subscribe(n, [(f"devices/edge/modules/camera/inputs/{'x' * 60_000}/#", 1)]))
        link = hub.links[CAMERA]
        assert isinstance(link, connection.Connection)
        async with asyncio.timeout(PATIENCE_S):
            while len(link._acks) <= connection.MAX_PENDING_ACKS:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        assert len(link._acks) < 80
        hub.disk.set()
        assert [(await client.expect(Suback)).packet_id for _ in range(200)] == list(range(1, 201))

    async def test_a_client_that_does_not_read_makes_the_link_unwritable(
        self, hub: ScriptedHub, connect: conftest.Connect
    ) -> None:
        client = await connect()
        await client.subscribe(INPUTS)
        link = hub.links[CAMERA]
        message = Message(MESSAGE.sender, None, {}, {}, bytes(100_000))
        sent = 0
        while link.writable:
            link.deliver("frames", message, redelivery=False, acked=lambda: None)
            sent += 1
            if sent % 5 == 0:
                await asyncio.sleep(0)
            assert sent < 500
        assert sent > outbox.MAX_WAITING_BYTES // 100_000
        assert hub.resumed == 0
        for _ in range(sent):
            await client.expect(Publish)
        async with asyncio.timeout(PATIENCE_S):
            while not hub.resumed:
                await asyncio.sleep(0.01)
        assert hub.links[CAMERA].writable

    async def test_more_than_a_mebibyte_in_one_turn_is_unwritable_until_written(
        self, hub: ScriptedHub, connect: conftest.Connect
    ) -> None:
        client = await connect()
        await client.subscribe(INPUTS)
        link = hub.links[CAMERA]
        message = Message(MESSAGE.sender, None, {}, {}, bytes(200_000))
        while link.writable:
            link.deliver("frames", message, redelivery=False, acked=lambda: None)
        for _ in range(6):
            await client.expect(Publish)
        async with asyncio.timeout(PATIENCE_S):
            while not hub.resumed:
                await asyncio.sleep(0.01)


class TestSubscribe:
    async def test_suback_waits_for_the_disk(self, hub: ScriptedHub, connect: conftest.Connect) -> None:
        hub.disk.clear()
        client = await connect()
        client.send(Subscribe(9, [(INPUTS, 2), ("$iothub/methods/POST/#", 0)]))
        await client.ping()  # no SUBACK, and the connection goes on
        assert not hub.features[CAMERA]
        hub.disk.set()
        assert await client.receive() == Suback(9, [1, 0])  # never more than QoS 1
        assert hub.sessions[CAMERA] == {INPUTS: 1, "$iothub/methods/POST/#": 0}
        assert hub.features[CAMERA] == {Feature.INPUTS, Feature.METHODS}

    async def test_subscribing_again_needs_no_disk(self, hub: ScriptedHub, connect: conftest.Connect) -> None:
        client = await connect()
        await client.subscribe(INPUTS)
        hub.disk.clear()
        assert await client.subscribe(INPUTS) == [1]

    @pytest.mark.parametrize(
        "topic_filter",
        ["#", "+/#", "$SYS/#", "devices/edge/modules/other/inputs/#", "devices/+/modules/+/inputs/#"],
    )
    async def test_a_foreign_filter_is_granted_counted_and_kept_nowhere(
        self, hub: ScriptedHub, connect: conftest.Connect, topic_filter: str
    ) -> None:
        client = await connect()
        assert await client.subscribe(topic_filter) == [1]
        assert hub.drops == [("edge/camera", "foreign_filter")]
        assert not hub.features[CAMERA]
        assert not hub.sessions.get(CAMERA)

    async def test_the_number_of_filters_is_bounded(
        self, hub: ScriptedHub, connect: conftest.Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(subscriptions, "MAX_FILTERS", 2)
        client = await connect()
        filters = [f"devices/edge/modules/camera/inputs/{n}/#" for n in range(3)]
        assert await client.subscribe(*filters) == [1, 1, 1]
        assert list(hub.sessions[CAMERA]) == filters[:2]
        assert hub.drops == [("edge/camera", "filter_limit")]

    async def test_unsubscribe_turns_the_feature_off(
        self, hub: ScriptedHub, connect: conftest.Connect
    ) -> None:
        client = await connect()
        await client.subscribe(INPUTS, "$iothub/methods/POST/#")
        client.send(Unsubscribe(3, [INPUTS, "never/subscribed"]))
        assert await client.receive() == Unsuback(3)
        assert hub.features[CAMERA] == {Feature.METHODS}
        assert list(hub.sessions[CAMERA]) == ["$iothub/methods/POST/#"]

    async def test_a_session_that_cannot_be_stored_ends_the_connection(
        self, hub: ScriptedHub, connect: conftest.Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def full(*_: object) -> None:
            raise OSError("No space left on device")

        monkeypatch.setattr(hub, "save_session", full)
        client = await connect()
        client.send(Subscribe(1, [(INPUTS, 1)]))
        await client.expect_closed()
