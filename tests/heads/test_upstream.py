"""The hub's way to the local IoT Hub, against the real receiving end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from edge_runtime.heads.upstream import LocalIotHub
from edge_runtime.hub.message import ClientId, Message
from edge_runtime.hub.queue_store import Stored
from edge_runtime.hub.upstream_delivery import UpstreamError


def stored(sequence: int, size: int = 10) -> Stored:
    return Stored(sequence, None, Message(ClientId("edge", "camera"), "frames", {"a": None}, {}, bytes(size)))


@pytest.fixture
async def received(tmp_path: Path) -> AsyncIterator[list[dict[str, object]]]:
    batches: list[dict[str, object]] = []

    async def take(request: web.Request) -> web.Response:
        batches.append(await request.json())
        return web.json_response({"rejected": [{"sequence": 2, "reason": "too large"}]})

    app = web.Application(client_max_size=16 * 1024 * 1024)
    app.add_routes([web.post("/devices/edge/messages", take)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "iothub.sock")).start()
    yield batches
    await runner.cleanup()


@pytest.fixture
async def upstream(tmp_path: Path) -> AsyncIterator[LocalIotHub]:
    upstream = LocalIotHub(str(tmp_path / "iothub.sock"), "edge")
    yield upstream
    await upstream.close()


async def test_a_batch_arrives_with_its_sequences(
    upstream: LocalIotHub, received: list[dict[str, object]]
) -> None:
    assert await upstream.send([stored(1), stored(2)]) == {2: "too large"}
    (batch,) = received
    assert isinstance(batch["messages"], list)
    assert [m["sequence"] for m in batch["messages"]] == [1, 2]
    assert batch["messages"][0]["properties"] == {"a": None}


async def test_two_megabytes_go_in_one_batch(
    upstream: LocalIotHub, received: list[dict[str, object]]
) -> None:
    await upstream.send([stored(n, 250_000) for n in range(8)])
    assert len(received) == 1


async def test_no_socket_is_tried_again(upstream: LocalIotHub) -> None:
    with pytest.raises(UpstreamError, match="cannot be reached"):
        await upstream.send([stored(1)])


async def test_any_device_id_of_iot_hub_arrives_as_it_is(tmp_path: Path) -> None:
    name = "line#1?a%2Fb+c"
    senders: list[str] = []

    async def take(request: web.Request) -> web.Response:
        senders.append(request.match_info["device"])
        return web.json_response({"rejected": []})

    app = web.Application()
    app.add_routes([web.post("/devices/{device}/messages", take)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "iothub.sock")).start()
    upstream = LocalIotHub(str(tmp_path / "iothub.sock"), name)
    try:
        await upstream.send([stored(1)])
    finally:
        await upstream.close()
        await runner.cleanup()
    assert senders == [name]
