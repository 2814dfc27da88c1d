"""Property bags: the traps of spec B.3 and B.4, against the Python SDK's own parser and encoder."""

from __future__ import annotations

import re
from typing import Any

import pytest
from azure.iot.device import Message as SdkMessage
from azure.iot.device.iothub.pipeline import mqtt_topic_iothub as sdk
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.heads.mqtt.property_bag import (
    RESERVED_NAMES,
    SYSTEM_NAMES,
    PropertyBagError,
    bag_size,
    decode_bag,
    encode_bag,
    escape,
    unescape,
)
from edge_runtime.heads.mqtt.topics import bag_text, devicebound_topic, events_prefix, input_topic
from edge_runtime.hub.message import ClientId, Message

SENDER = ClientId("edge", "camera")
RECEIVER = ClientId("edge", "classifier")
ANY = st.text(st.characters(codec="utf-8"), max_size=30)
NAMES = ANY.filter(lambda name: name and name not in SYSTEM_NAMES and name not in RESERVED_NAMES)


def message(app: dict[str, str | None], sys: dict[str, str | None] | None = None) -> Message:
    return Message(SENDER, None, app, sys or {}, b"")


@pytest.mark.parametrize(
    ("bag", "app", "sys"),
    [
        ("", {}, {}),
        ("a=1", {"a": "1"}, {}),
        ("a=1&b=2", {"a": "1", "b": "2"}, {}),
        ("a=1&&b=2&", {"a": "1", "b": "2"}, {}),
        ("a", {"a": None}, {}),  # no value is null
        ("a=", {"a": None}, {}),  # and so is an empty one
        ("a=x+y", {"a": "x+y"}, {}),  # a plus is a plus
        ("a=x%20y%2Fz%3D%26", {"a": "x y/z=&"}, {}),
        ("a=%c3%a9&%C3%A9=b", {"a": "é", "é": "b"}, {}),
        ("a=%zz%", {"a": "%zz%"}, {}),  # no escape, so text
        ("a=%FF", {"a": "%FF"}, {}),  # not UTF-8 when decoded
        ("a=%0D%0A%00", {"a": "\r\n\0"}, {}),
        ("%24.mid=1&$.cid=2", {}, {"messageId": "1", "cid": "2"}),  # Python's spelling and Node's
        ("%24%2Emid=1", {}, {"messageId": "1"}),  # another spelling of the same name
        ("$.on=o&$.ct=t&$.ce=e", {}, {"outputName": "o", "contentType": "t", "contentEncoding": "e"}),
        ("$.mid", {}, {"messageId": None}),
        ("$.xyz=1", {"$.xyz": "1"}, {}),
        ("messageId=1", {"messageId": "1"}, {}),  # the inner name is an application property
        ("iothub-operation=d2c&iothub-ack=full", {"iothub-ack": "full"}, {"operation": "d2c"}),
    ],
)
def test_decode(bag: str, app: dict[str, str | None], sys: dict[str, str | None]) -> None:
    assert decode_bag(bag) == (app, sys, [])


@pytest.mark.parametrize(
    ("bag", "app", "refused"),
    [
        ("$.cdid=other&a=1", {"a": "1"}, ["$.cdid"]),
        ("%24.cmid=other", {}, ["$.cmid"]),
        ("iothub-connection-device-id=x", {}, ["iothub-connection-device-id"]),
        ("a=1&b=2&a=3", {"a": "3", "b": "2"}, ["a"]),
        ("%61=1&a=3", {"a": "3"}, ["a"]),  # two spellings of one name
        ("$.cdid=x&$.cdid=y", {}, ["$.cdid", "$.cdid"]),
    ],
)
def test_a_client_cannot_speak_for_another_nor_hide_a_value(
    bag: str, app: dict[str, str | None], refused: list[str]
) -> None:
    assert decode_bag(bag) == (app, {}, refused)


@pytest.mark.parametrize("bag", ["a=b=c", "a==", "x=1&a==b", "a=%3D="])
def test_more_than_one_equals_sign_is_an_error(bag: str) -> None:
    with pytest.raises(PropertyBagError, match="more than one '='"):
        decode_bag(bag)


@given(ANY)
def test_any_text_is_decoded_or_refused(text: str) -> None:
    try:
        bag = decode_bag(text)
    except PropertyBagError:
        return
    assert not RESERVED_NAMES & bag.app.keys()
    assert not SYSTEM_NAMES.keys() & bag.app.keys()


@given(ANY)
def test_escaping_is_undone_and_leaves_nothing_that_could_truncate(text: str) -> None:
    escaped = escape(text)
    assert unescape(escaped) == text
    assert re.fullmatch("[A-Za-z0-9_.~%-]*", escaped)


def test_long_values_take_the_same_way_past_the_memo() -> None:
    text = "é/" * 1000
    assert unescape(escape(text)) == text


@given(
    st.dictionaries(NAMES, st.none() | ANY, max_size=5),
    st.fixed_dictionaries(
        {}, optional={"messageId": ANY, "cid": ANY, "contentType": ANY, "contentEncoding": ANY}
    ),
)
def test_the_sdk_reads_what_the_hub_writes(app: dict[str, str | None], sys: dict[str, str | None]) -> None:
    received = SdkMessage(b"")
    topic = input_topic(RECEIVER, "frames", encode_bag(message(app, sys)))
    sdk.extract_message_properties_from_topic(topic, received)
    expected = {name: value for name, value in app.items() if name != "iothub-ack"}
    assert received.custom_properties == {**expected, "$.cdid": "edge", "$.cmid": "camera"}
    assert received.message_id == sys.get("messageId")
    assert received.correlation_id == sys.get("cid")
    assert received.content_type == sys.get("contentType")
    assert received.content_encoding == sys.get("contentEncoding")


@given(st.dictionaries(NAMES, ANY, max_size=5), ANY, ANY)
def test_the_hub_reads_what_the_sdk_writes(app: dict[str, str], message_id: str, output: str) -> None:
    sent: Any = SdkMessage(b"")
    sent.custom_properties = app
    sent.message_id, sent.output_name = message_id, output
    topic = sdk.encode_message_properties_in_topic(
        sent, sdk.get_telemetry_topic_for_publish("edge", "camera")
    )
    text = bag_text(topic, events_prefix(SENDER))
    assert text is not None
    bag = decode_bag(text)
    assert bag.app == {name: value or None for name, value in app.items()}
    assert bag.sys.get("messageId") == (message_id or None)
    assert bag.sys.get("outputName") == (output or None)
    assert not bag.refused


def test_what_is_not_forwarded() -> None:
    sys: dict[str, str | None] = {
        "outputName": "o",
        "iothub-interface-id": "i",
        "edgeMessageId": "e",
        "edgeHubOriginInterface": "internal",
        "to": "t",
    }
    assert encode_bag(message({}, sys)) == "%24.to=t&%24.cdid=edge&%24.cmid=camera"


def test_a_null_value_emits_the_name_alone() -> None:
    bag = encode_bag(message({"a": None, "b": ""}, {"messageId": None}))
    assert bag == "a&b=&%24.mid&%24.cdid=edge&%24.cmid=camera"


def test_a_device_has_no_module_id() -> None:
    assert encode_bag(Message(ClientId("leaf"), None, {}, {}, b"")) == "%24.cdid=leaf"


def test_a_twin_change_bears_the_reporters_ids() -> None:
    change = Message(
        ClientId("edge", "$edgeHub"),
        None,
        {},
        {"rpSenderDeviceId": "edge", "rpSenderModuleId": "camera", "messageType": "twinChangeNotification"},
        b"{}",
    )
    assert encode_bag(change) == "%24.cdid=edge&%24.cmid=camera"


@given(ANY)
def test_c2d_as_the_sdk_reads_it(value: str) -> None:
    received = SdkMessage(b"")
    topic = devicebound_topic(ClientId("leaf"), encode_bag(message({"a": value})))
    assert sdk.is_c2d_topic(topic, "leaf")
    sdk.extract_message_properties_from_topic(topic, received)
    assert received.custom_properties["a"] == value


def test_size_counts_bytes() -> None:
    assert bag_size({"é": "é", "n": None}, {"messageId": "1"}) == 2 + 2 + 1 + 9 + 1
