"""The receiving end over its real socket."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from edge_runtime.iothub.arrivals import Arrivals
from edge_runtime.iothub.devicebound import Devicebound, DeviceboundMessage
from edge_runtime.iothub.server import serve
from edge_runtime.iothub.store import Filter, read_events
from tests.patience import PATIENCE_S, eventually


class Client:
    """Posts batches as the hub does."""

    def __init__(self, folder: Path, session: aiohttp.ClientSession, devicebound: Devicebound) -> None:
        self.store = folder / "upstream.db"
        self.devicebound = devicebound
        self._session = session

    async def post(self, content: Any = None, *, data: bytes | None = None) -> tuple[int, Any]:
        url = "http://iothub/devices/edge/messages"
        body = io.BytesIO(json.dumps(content).encode() if data is None else data)
        async with self._session.post(url, data=body) as response:
            return response.status, await response.json()

    async def devices(self, verb: str, path: str) -> tuple[int, Any]:
        """A call about messages for a device."""
        async with self._session.request(verb, f"http://iothub/devices/{path}") as response:
            return response.status, await response.json() if response.status == 200 else None

    def sequences(self) -> list[int]:
        return [event.sequence for _, event in read_events(self.store, Filter())]


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    arrivals = Arrivals(tmp_path / "upstream.db", tmp_path / "upstream.jsonl")
    await arrivals.open()
    devicebound = Devicebound(tmp_path / "iothub.db")
    runner = await serve(arrivals, devicebound, tmp_path / "iothub.sock")
    async with aiohttp.ClientSession(
        connector=aiohttp.UnixConnector(str(tmp_path / "iothub.sock"))
    ) as session:
        yield Client(tmp_path, session, devicebound)
    await runner.cleanup()
    await arrivals.close()


def message(sequence: int, size: int = 2) -> dict[str, Any]:
    return {
        "sequence": sequence,
        "body": base64.b64encode(b"x" * size).decode(),
        "properties": {},
        "systemProperties": {},
    }


async def test_answered_means_durable(client: Client) -> None:
    assert await client.post({"messages": [message(1), message(2)]}) == (200, {"rejected": []})
    assert client.sequences() == [1, 2]


async def test_what_can_never_be_accepted_is_named_and_the_rest_is_stored(client: Client) -> None:
    batch = [message(1), message(2, size=300_000), message(3) | {"body": "%"}, message(4)]
    status, answer = await client.post({"messages": batch})
    assert status == 200
    assert answer == {
        "rejected": [{"sequence": 2, "reason": "too_large"}, {"sequence": 3, "reason": "malformed_body"}]
    }
    assert client.sequences() == [1, 4]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ([], "messages"),
        ({"messages": 5}, "messages"),
        ({"messages": [{"body": ""}]}, "message 0 has no whole number as sequence"),
        ({"messages": [{"sequence": True}]}, "sequence"),
        ({"messages": [5]}, "sequence"),
    ],
)
async def test_a_batch_of_another_shape_is_refused_whole(client: Client, content: Any, part: str) -> None:
    status, answer = await client.post(content)
    assert status == 400
    assert part in answer["message"]


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000])
async def test_what_is_not_json_is_refused(client: Client, data: bytes) -> None:
    status, answer = await client.post(data=data)
    assert status == 400
    assert "not JSON" in answer["message"]


async def test_a_store_that_cannot_write_answers_503_and_recovers(client: Client) -> None:
    await client.post({"messages": [message(1)]})
    blocker = sqlite3.connect(client.store, isolation_level=None)
    with sqlite3.connect(client.store) as database:
        database.execute("CREATE TRIGGER full BEFORE INSERT ON event BEGIN SELECT raise(ROLLBACK, 'x'); END")
    database.close()
    blocker.close()
    status, _ = await client.post({"messages": [message(2)]})
    assert status == 503
    assert client.sequences() == [1]
    with sqlite3.connect(client.store) as database:
        database.execute("DROP TRIGGER full")
    database.close()
    assert (await client.post({"messages": [message(2)]}))[0] == 200
    assert client.sequences() == [1, 2]


async def test_a_large_batch_fits(client: Client) -> None:
    batch = [message(number, size=200_000) for number in range(1, 101)]
    assert await client.post({"messages": batch}) == (200, {"rejected": []})


async def test_the_hub_takes_messages_for_a_device_and_completes_them(client: Client) -> None:
    address = "my%23lamp/messages/devicebound"
    assert await client.devices("GET", address) == (204, None)
    assert (await client.devices("GET", f"{address}?wait=soon"))[0] == 400
    expires = time.time() + 60
    await client.devicebound.put(
        "my#lamp", DeviceboundMessage({"a": "b"}, {"messageId": "7"}, b"on", expires)
    )
    status, document = await client.devices("GET", f"{address}?wait=60")
    assert (status, base64.b64decode(document.pop("body"))) == (200, b"on")
    sequence = document.pop("sequence")
    assert document == {"deliveries": 1, "properties": {"a": "b"}, "systemProperties": {"messageId": "7"}}
    assert await client.devices("DELETE", f"{address}/{sequence}") == (204, None)
    assert client.devicebound.count("my#lamp") == 0


async def test_a_message_that_nobody_waits_for_any_more_is_not_taken(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, take = "lamp/messages/devicebound", client.devicebound.take
    asked: list[Callable[[], bool]] = []
    waiting = asyncio.Semaphore(0)

    async def remembered(device: str, wait_s: float, wanted: Callable[[], bool]) -> DeviceboundMessage | None:
        asked.append(wanted)
        waiting.release()
        return await take(device, wait_s, wanted)

    monkeypatch.setattr(client.devicebound, "take", remembered)
    for _ in range(12):
        asking = asyncio.create_task(client.devices("GET", f"{address}?wait=300"))
        await asyncio.wait_for(waiting.acquire(), PATIENCE_S)
        asking.cancel()
        await asyncio.wait([asking])
    await eventually(lambda: not any(wanted() for wanted in asked))
    await client.devicebound.put("lamp", DeviceboundMessage({}, {}, b"on", time.time() + 60))
    status, document = await client.devices("GET", address)
    assert (status, document["deliveries"]) == (200, 1), "the first that anybody hears"
