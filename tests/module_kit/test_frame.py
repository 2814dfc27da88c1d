from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from module_kit.connection import to_sdk
from module_kit.frame import Frame
from module_kit.identifiers import new_boot, new_traceparent, timestamp
from module_kit.message import MAXIMUM_BODY_BYTES, MessageError
from tests.module_kit.arriving import arrived

FRAME = Frame(
    image=b"\xff\xd8", content_type="image/jpeg", source="cam-1", boot="0a1b2c3d", sequence=7,
    captured_at="2026-01-01T00:00:00.000Z", width=32, height=24, traceparent=new_traceparent(), label="cat",
)  # fmt: skip


def test_the_message_carries_what_the_contract_says() -> None:
    message = FRAME.encode()
    assert message.message_id == "cam-1.0a1b2c3d.7"
    assert message.content_type == "image/jpeg"
    assert message.properties == {
        "schema": "frame/1", "source": "cam-1", "boot": "0a1b2c3d", "sequence": "7",
        "capturedAt": "2026-01-01T00:00:00.000Z", "width": "32", "height": "24",
        "traceparent": FRAME.traceparent, "label": "cat",
    }  # fmt: skip


@given(
    source=st.from_regex(r"[A-Za-z0-9_-]{1,32}", fullmatch=True),
    sequence=st.integers(0, 10**12),
    seconds=st.floats(0, 4e9),
    label=st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=64),
    image=st.binary(min_size=1, max_size=64),
)
def test_decode_gives_back_what_was_encoded(
    source: str, sequence: int, seconds: float, label: str | None, image: bytes
) -> None:
    frame = replace(
        FRAME,
        source=source,
        boot=new_boot(),
        sequence=sequence,
        captured_at=timestamp(seconds),
        label=label,
        image=image,
    )
    assert Frame.decode(arrived(frame.encode())) == frame


@pytest.mark.parametrize(
    ("changes", "field_name"),
    [
        ({"source": "a b"}, "source"),
        ({"source": "x" * 33}, "source"),
        ({"source": "cam\n"}, "source"),
        ({"boot": ""}, "boot"),
        ({"sequence": -1}, "sequence"),
        ({"captured_at": "2026-01-01T00:00:00Z"}, "capturedAt"),
        ({"captured_at": "2026-01-01T00:00:00.000+01:00"}, "capturedAt"),
        ({"content_type": "image/gif"}, "contentType"),
        ({"label": ""}, "label"),
        ({"label": "x" * 65}, "label"),
        ({"traceparent": "00-0-0-01"}, "traceparent"),
        ({"image": b""}, "body"),
        ({"image": b"x" * (MAXIMUM_BODY_BYTES + 1)}, "body"),
    ],
)
def test_encode_refuses_and_names_the_field(changes: dict[str, Any], field_name: str) -> None:
    with pytest.raises(MessageError) as caught:
        replace(FRAME, **changes).encode()
    assert caught.value.field_name == field_name


@pytest.mark.parametrize(
    ("properties", "field_name"),
    [
        ({"schema": "frame/2"}, "schema"),
        ({"schema": None}, "schema"),
        ({"sequence": "07"}, "sequence"),
        ({"sequence": "٣"}, "sequence"),  # a digit, but not ours
        ({"width": None}, "width"),
        ({"boot": "other"}, "messageId"),
    ],
)
def test_decode_refuses_and_names_the_field(properties: dict[str, str | None], field_name: str) -> None:
    message = arrived(FRAME.encode())
    message.custom_properties.update(properties)
    with pytest.raises(MessageError) as caught:
        Frame.decode(message)
    assert caught.value.field_name == field_name
    assert str(caught.value).startswith("message cam-1.0a1b2c3d.7: ")


def test_the_largest_frame_fits_what_the_sdk_and_edgehub_allow() -> None:
    frame = replace(
        FRAME, image=b"x" * MAXIMUM_BODY_BYTES, label="\u20ac" * 64, source="s" * 32, sequence=10**15
    )
    message = to_sdk(frame.encode())
    assert message.get_size() <= 262_144  # the SDK's rule: the sizes of its Python objects
    properties = {
        **message.custom_properties,
        "$.mid": message.message_id,
        "$.ct": message.content_type,
        "$.on": "frames",
    }
    topic = "devices/" + "d" * 128 + "/modules/" + "m" * 128 + "/messages/events/" + urlencode(properties)
    assert len(message.data) + len(topic) + 16 <= 262_144  # edgeHub's: the MQTT packet (spec B.5)


def test_text_where_an_image_belongs_is_refused() -> None:
    with pytest.raises(MessageError, match="body: str, expected bytes"):
        Frame.decode(arrived(FRAME.encode(), data="text"))
