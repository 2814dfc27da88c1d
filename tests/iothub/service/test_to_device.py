"""Cloud-to-device messages through our own address of the service API (spec E.6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edge_runtime.iothub.devicebound import DEFAULT_LIFE_S
from edge_runtime.iothub.service.errors import InvalidRequestError
from edge_runtime.iothub.service.to_device import message_of
from tests.iothub.service.conftest import Caller

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SEND = "/devices/lamp/messages/devicebound"


def test_what_a_message_may_have() -> None:
    message = message_of(
        {
            "body": "grün",
            "properties": {"colour": "red"},
            "messageId": "m1",
            "correlationId": "c1",
            "contentType": "text/plain",
            "ack": "full",
            "expiryTimeUtc": "2026-01-31T13:00:00Z",
        },
        NOW,
    )
    assert message.body == "grün".encode()
    assert message.application == {"colour": "red"}
    assert message.system == {"messageId": "m1", "cid": "c1", "contentType": "text/plain", "ack": "full"}
    assert message.expires == (NOW + timedelta(hours=1)).timestamp()
    assert message_of({"bodyBase64": "AP8="}, NOW).body == b"\x00\xff"
    assert message_of({"body": ""}, NOW).expires == NOW.timestamp() + DEFAULT_LIFE_S


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "JSON object"),
        ({"body": "a", "colour": "red"}, "JSON object with some of"),
        ({}, "one of body"),
        ({"body": "a", "bodyBase64": "YQ=="}, "one of body"),
        ({"body": 7}, "body: a text"),
        ({"bodyBase64": "?"}, "bodyBase64"),
        ({"body": "a", "messageId": 7}, "messageId: a text"),
        ({"body": "a", "messageId": "x" * 129}, "messageId: at most"),
        ({"body": "a", "ack": "maybe"}, "ack"),
        ({"body": "a", "properties": {"": "x"}}, "properties"),
        ({"body": "a", "properties": {"n": 7}}, "'n'"),
        ({"body": "a", "properties": []}, None),
        ({"body": "a", "properties": [1]}, "properties"),
        ({"body": "a", "expiryTimeUtc": "tomorrow"}, "expiryTimeUtc: a time"),
        ({"body": "a", "expiryTimeUtc": "2026-01-31T11:59:00Z"}, "within the next 48 hours"),
        ({"body": "a", "expiryTimeUtc": "2026-02-03T11:59:00"}, "within the next 48 hours"),
    ],
)
def test_what_is_wrong_is_named(document: Any, message: str | None) -> None:
    if message is None:
        assert message_of(document, NOW).application == {}
        return
    with pytest.raises(InvalidRequestError, match=message):
        message_of(document, NOW)


async def test_sent_counted_and_purged(call: Caller) -> None:
    await call("PUT", "/devices/lamp", {})
    status, answer = await call("POST", SEND, {"body": "on", "messageId": "m1"})
    assert (status, answer["messageId"], answer["cloudToDeviceMessageCount"]) == (201, "m1", 1)
    assert (await call("GET", "/devices/lamp"))[1]["cloudToDeviceMessageCount"] == 1
    assert (await call("GET", "/twins/lamp"))[1]["cloudToDeviceMessageCount"] == 1
    purged = await call("DELETE", "/devices/lamp/commands")
    assert purged == (200, {"totalMessagesPurged": 1, "deviceId": "lamp", "moduleId": None})
    assert (await call("GET", "/devices/lamp"))[1]["cloudToDeviceMessageCount"] == 0


async def test_refusals_have_azures_codes(call: Caller) -> None:
    for verb, path in (("POST", SEND), ("DELETE", "/devices/lamp/commands")):
        status, answer = await call(verb, path, {"body": "on"})
        assert (status, answer["Message"].partition(";")[0]) == (404, "ErrorCode:DeviceNotFound")
    await call("PUT", "/devices/lamp", {})
    assert (await call("POST", SEND, {"body": 7}))[0] == 400
    status, answer = await call("POST", SEND, {"body": "x" * 70_000})
    assert (status, answer["Message"].partition(";")[0]) == (413, "ErrorCode:MessageTooLarge")
    for _ in range(50):
        assert (await call("POST", SEND, {"body": "on"}))[0] == 201
    status, answer = await call("POST", SEND, {"body": "on"})
    assert (status, answer["Message"].partition(";")[0]) == (403, "ErrorCode:DeviceMaximumQueueDepthExceeded")


async def test_a_deleted_device_leaves_no_messages_to_the_next_of_its_name(call: Caller) -> None:
    await call("PUT", "/devices/lamp", {})
    await call("POST", SEND, {"body": "on"})
    await call("DELETE", "/devices/lamp", None, "*")
    await call("PUT", "/devices/lamp", {})
    assert (await call("GET", "/devices/lamp"))[1]["cloudToDeviceMessageCount"] == 0
