"""What IoT Hub makes of a message, and what it refuses."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edge_runtime.iothub.event import MAXIMUM_BYTES, RejectedError, accept, readable

NOW = datetime(2026, 1, 31, 12, 0, 0, 250_000, UTC)


def message(content: bytes = b"{}", **changes: Any) -> dict[str, Any]:
    system = {"connectionDeviceId": "edge", "connectionModuleId": "filter", "outputName": "events"}
    return {
        "sequence": 1,
        "body": base64.b64encode(content).decode(),
        "properties": {},
        "systemProperties": system,
    } | changes


def test_iot_hub_adds_what_it_knows_and_renames_the_rest() -> None:
    system = message()["systemProperties"] | {
        "messageId": "m1",
        "cid": "c1",
        "contentType": "application/json",
        "contentEncoding": "utf-8",
        "creationTime": "2026-01-31",
        "edgeMessageId": "internal to edgeHub",
        "edgeHubOriginInterface": "internal",
    }
    event = accept("edge", message(systemProperties=system, properties={"a": "1", "empty": None}), NOW)
    assert event.system == {
        "message-id": "m1",
        "correlation-id": "c1",
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "iothub-creation-time-utc": "2026-01-31",
        "iothub-connection-device-id": "edge",
        "iothub-connection-module-id": "filter",
        "iothub-enqueuedtime": "2026-01-31T12:00:00.250Z",
        "iothub-message-source": "Telemetry",
    }
    assert (event.module, event.output) == ("filter", "events")
    assert event.application == {"a": "1", "empty": None}


def test_a_device_s_own_message_has_no_module() -> None:
    event = accept("edge", message(systemProperties={"connectionDeviceId": "leaf"}), NOW)
    assert event.module is None
    assert "iothub-connection-module-id" not in event.system
    assert event.system["iothub-connection-device-id"] == event.device == "leaf"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"body": "%%%"}, "malformed_body"),
        ({"body": None}, "malformed_body"),
        ({"body": 5}, "malformed_body"),
        ({"properties": []}, "malformed_properties"),
        ({"properties": {"a": 1}}, "malformed_properties"),
        ({"systemProperties": None}, "malformed_properties"),
    ],
)
def test_poison_is_rejected_with_a_reason(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(RejectedError, match=reason):
        accept("edge", message(**changes), NOW)


@pytest.mark.parametrize(("excess", "accepted"), [(0, True), (1, False)])
def test_the_size_limit_counts_body_and_properties(excess: int, accepted: bool) -> None:
    document = message(properties={"äb": "c"})
    overhead = len("äb".encode()) + 1 + sum(len(k) + len(v) for k, v in document["systemProperties"].items())
    document["body"] = base64.b64encode(b"x" * (MAXIMUM_BYTES - overhead + excess)).decode()
    if accepted:
        accept("edge", document, NOW)
    else:
        with pytest.raises(RejectedError, match="too_large"):
            accept("edge", document, NOW)


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        ("application/json", b'{"a": 1}', {"body": {"a": 1}}),
        ("Application/JSON; charset=utf-8", b"5", {"body": 5}),
        ("application/json", b"{broken", {"bodyBase64": base64.b64encode(b"{broken").decode()}),
        ("text/plain", "grün".encode(), {"body": "grün"}),
        ("text/plain", b"\xff", {"bodyBase64": "/w=="}),
        ("image/png", b"\x89PNG", {"bodyBase64": "iVBORw=="}),
        (None, b"{}", {"bodyBase64": "e30="}),
        ("application/json", b"[" * 100_000, {"bodyBase64": base64.b64encode(b"[" * 100_000).decode()}),
    ],
)
def test_the_body_reads_by_its_content_type(
    content_type: str | None, body: bytes, expected: dict[str, Any]
) -> None:
    event = accept("edge", message(body, systemProperties={"contentType": content_type}), NOW)
    document = readable(event, 9)
    assert {key: document[key] for key in document if key.startswith("body")} == expected
    assert document["id"] == 9


def test_the_digest_is_that_of_the_message_not_of_its_arrival() -> None:
    first, again = accept("edge", message(), NOW), accept("edge", message(), NOW + timedelta(hours=1))
    assert first.digest() == again.digest()
    for other in (
        message(b"x"),
        message(properties={"a": "1"}),
        message(systemProperties={"messageId": "2"}),
    ):
        assert accept("edge", other, NOW).digest() != first.digest()
