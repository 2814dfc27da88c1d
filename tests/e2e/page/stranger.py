"""A module that means harm: what it may choose freely holds what a careless page would run. The real SDK sends it."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

from azure.iot.device import Message, MethodResponse
from azure.iot.device.aio import IoTHubModuleClient

ATTACKS = (
    "<img src=x onerror=\"hostile.push('img')\">",
    "\"><script>hostile.push('script')</script>",
    "javascript:hostile.push('address')",
    "</style></textarea><svg onload=\"hostile.push('svg')\">",
    "';hostile.push('quote');//",
)
LONG = "long " * 4000
_PICTURE = (
    b"<svg xmlns='http://www.w3.org/2000/svg' onload='hostile.push(1)'><script>hostile.push(2)</script></svg>"
)
_MODEL = {"name": ATTACKS[0], "version": ATTACKS[1], "sha256": ATTACKS[2]}


def _prediction(number: int) -> dict[str, Any]:
    at = number % len(ATTACKS)
    labels = ATTACKS[at:] + ATTACKS[:at]
    return {
        "schema": "prediction/1",
        "frameId": ATTACKS[3],
        "source": ATTACKS[0],
        "boot": ATTACKS[1],
        "sequence": number,
        "capturedAt": _when(number),
        "model": _MODEL,
        "top": [{"label": label, "probability": 0.9 / (place + 1)} for place, label in enumerate(labels)],
        "abstained": number % 4 == 0,
        "reason": ATTACKS[1],
        "timingsMs": {ATTACKS[0]: 1, "queue": ATTACKS[0], "infer": 2},
        "frameSha256": ATTACKS[4],
        "truth": LONG if number % 5 == 0 else ATTACKS[number % 3],
    }


def _when(number: int) -> str:
    """Every other time is none."""
    return ATTACKS[2] if number % 2 else datetime.now(UTC).isoformat(timespec="milliseconds")[:23] + "Z"


def _event(number: int) -> dict[str, Any]:
    attack = ATTACKS[number % 5]
    return {
        "schema": "event/1",
        "eventId": attack,
        "type": ("start", "update", "end", attack)[number % 4],
        "update": 0,
        "label": attack,
        "source": attack,
        "boot": attack,
        "startedAt": _when(number),
        "at": _when(number),
        "durationMs": 1,
        "frames": 1,
        "meanProbability": 0.5,
        "peakProbability": 0.6,
        "endReason": attack,
        "prediction": _prediction(number),
    }


def _summary(number: int) -> dict[str, Any]:
    counts = dict.fromkeys(ATTACKS, 3) | {"__proto__": 4, "constructor": 5}
    return {
        "schema": "summary/1",
        "number": number,
        "since": _when(0),
        "until": _when(0),
        "predictions": 9,
        "labels": counts,
        "abstained": counts,
        "errors": counts,
        "confidence": [ATTACKS[0], *range(9)],
        "sources": [{"source": ATTACKS[0], "received": 1, "missing": 0, "outOfOrder": 0, "boots": 1}],
        "duplicates": 0,
        "events": counts,
        "dropped": counts,
        "budget": {"used": 1, "limit": 2},
        "accuracy": {"n": 9, "correct": 3, "top1": 0.3, "confusion": dict.fromkeys(counts, counts)},
    }


_POLLUTING = (
    b'{"schema": "other/1", "__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}'
)


def _messages(number: int) -> list[tuple[str, bytes, str, str]]:
    """Schema, body, content type, output."""
    attack = ATTACKS[number % 5]
    picture_type = ("image/svg+xml", "image/png", "image/jpeg", "text/html")[number % 4]
    return [
        ("frame/1", _PICTURE, picture_type, "frames"),
        ("prediction/1", json.dumps(_prediction(number)).encode(), "application/json", "predictions"),
        ("event/1", json.dumps(_event(number)).encode(), "application/json", "events"),
        ("summary/1", json.dumps(_summary(number)).encode(), "application/json", "summaries"),
        ("other/1", _POLLUTING, "application/json", "others"),
        (attack, attack.encode(), "text/html", "others"),
    ]


def _message(number: int, schema: str, body: bytes, content_type: str, output: str) -> Message:
    message = Message(body)
    message.content_type = content_type
    message.content_encoding = "utf-8"
    message.message_id = f"{output}-{number}-{ATTACKS[0]}"
    message.custom_properties = {
        "schema": schema,
        "source": ATTACKS[1],
        "capturedAt": ATTACKS[2],
        "label": ATTACKS[3],
        "traceparent": f"00-{number + 1:032x}-0000000000000001-01",
        ATTACKS[4]: ATTACKS[0],
    }
    if number % 2:
        # Names that each object of a script has, and that others of the same table lack.
        message.custom_properties |= {"__proto__": ATTACKS[1], "constructor": ATTACKS[2]}
    return message


async def main() -> None:
    client = IoTHubModuleClient.create_from_edge_environment()
    await client.connect()

    async def answer(request: Any) -> None:
        status = 500 if request.name == "fail" else 200
        response = MethodResponse.create_from_method_request(request, status, {"said": list(ATTACKS)})
        await client.send_method_response(response)

    client.on_method_request_received = answer
    acknowledgement = {"value": ATTACKS[1], "ac": 400, "av": 1, "ad": ATTACKS[0]}
    await client.patch_twin_reported_properties({"label": acknowledgement, "state": ATTACKS[0]})
    number = 0
    while True:
        for schema, body, content_type, output in _messages(number):
            message = _message(number, schema, body, content_type, output)
            await client.send_message_to_output(message, output)
        number += 1
        await asyncio.sleep(0.3)


if __name__ == "__main__":
    asyncio.run(main())
