"""A module of the kit with the real SDK against the real hub."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.edge.edge import Edge
from tests.edge.manifest import route
from tests.patience import eventually

MODULE = """
import asyncio
from pydantic import Field
from module_kit.message import Outgoing
from module_kit.module import Module, run_module
from module_kit.settings import ModuleSettings

class Settings(ModuleSettings):
    count: int = Field(default=0, ge=0, le=100000, description="Messages")
    url: str = Field(default="", description="Somewhere")

async def main(module):
    echo = module.input("echo", capacity=100000)
    async def ask(payload):
        if payload == "fail":
            raise OSError("rtsp://u:p@cam")
        return {"asked": payload, "count": module.settings.count}
    module.method("ask", ask)
    await module.start()
    module.report({"state": "running"})
    for number in range(module.settings.count):
        body = b'{"number": %d}' % number
        message = Outgoing(body, f"m.{number}", "application/json", "utf-8", {"source": "t ünd/=&"})
        await module.send("out", message)
    async def answer():
        while True:
            message = await echo.get()
            body = b'{"echo": "%s"}' % message.message_id.encode()
            await module.send("out", Outgoing(body, message.message_id + ".e", "application/json", "utf-8"))
    module.spawn(answer(), "answer")
    await module.stopping.wait()
    module.report({"state": "stopped"})

run_module("talker", Settings, main)
"""


@pytest.fixture
async def edge(loopback: str) -> AsyncIterator[Edge]:
    routes = {
        "up": "FROM /messages/modules/talker/outputs/out INTO $upstream",
        "echo": route("other", "*", "talker", "echo"),
        "other": "FROM /messages/modules/other/outputs/nowhere INTO $upstream",
    }
    async with Edge(loopback, {"talker": {"count": 3}, "other": {"count": 50}}, routes) as edge:
        yield edge


def _numbers(edge: Edge) -> list[int]:
    return [message["body"]["number"] for message in edge.arrived if "number" in message["body"]]


async def test_messages_twin_methods_and_stop(edge: Edge, loopback: str) -> None:
    process = edge.start("talker", "-c", MODULE, METRICS_ADDRESS=loopback, METRICS_PORT="9610")
    await eventually(lambda: len(_numbers(edge)) == 3)
    metrics = ""
    async with asyncio.timeout(60), aiohttp.ClientSession() as session:
        while (
            'module_messages_sent_total{output="out"} 3.0' not in metrics
        ):  # upstream is quicker than a PUBACK
            async with session.get(f"http://{loopback}:9610/metrics") as response:
                metrics = await response.text()
    assert "module_connected 1.0" in metrics
    assert _numbers(edge) == [0, 1, 2]
    first = edge.arrived[0]
    assert first["properties"]["source"] == "t ünd/=&"
    system = first["systemProperties"]
    assert "application/json" in system.values()
    assert "m.0" in system.values()

    assert await edge.call("talker", "ask", {"x": 1}) == (200, {"asked": {"x": 1}, "count": 3})
    assert await edge.call("talker", "ask", "fail") == (500, {"message": "OSError: rtsp://***@cam"})
    status, answer = await edge.call("talker", "nothing")
    assert (status, answer) == (404, {"message": "no direct method 'nothing'; this module has: ask"})

    version = await edge.desire("talker", {"count": 7, "url": "mqtt://me:secret@b/t"})
    reported = await edge.reported("talker", lambda r: r.get("url", {}).get("ad") == "twin")
    assert reported["count"] == {"value": 7, "ac": 200, "av": version, "ad": "twin"}
    assert reported["url"]["value"] == "mqtt://***@b/t"
    assert reported["state"] == "running"
    await edge.desire("talker", {"count": -1})
    reported = await edge.reported("talker", lambda r: r["count"]["ac"] == 400)
    assert (reported["count"]["value"], reported["count"]["av"]) == (7, version + 1)

    text = await process.stop()
    assert "secret" not in text
    assert "connection to the hub lost" not in text  # its own goodbye is no loss
    assert (await edge.twin("talker", "reported"))["state"] == "stopped"


async def test_concurrent_sends_through_the_real_sdk_keep_their_order(edge: Edge) -> None:
    await edge.desire("talker", {"count": 5000})
    edge.start("talker", "-c", MODULE)
    await eventually(lambda: len(_numbers(edge)) >= 5000, 300)
    assert _numbers(edge) == list(range(5000))


async def test_handlers_hand_over_in_the_order_of_arrival(edge: Edge) -> None:
    await edge.desire("other", {"count": 1000})
    edge.start("talker", "-c", MODULE)
    await eventually(lambda: len(edge.arrived) >= 3)
    edge.start("other", "-c", MODULE.replace('"talker"', '"other"'))
    echoes = await eventually(
        lambda: (
            (found := [m["body"]["echo"] for m in edge.arrived if "echo" in m["body"]])
            and len(found) >= 1000
            and found
        ),
        300,
    )
    assert echoes == [f"m.{number}" for number in range(1000)]


@pytest.mark.slow
async def test_a_hub_that_is_killed_under_load_costs_neither_messages_nor_order(edge: Edge) -> None:
    await edge.desire("talker", {"count": 6000})
    process = edge.start("talker", "-c", MODULE)
    for least in (500, 2000, 3500):
        await eventually(lambda least=least: len(_numbers(edge)) > least, 300)  # type: ignore[misc]
        await edge.stop_hub()
        await asyncio.sleep(0.2)
        await edge.start_hub()
    await eventually(lambda: 5999 in _numbers(edge), 300)
    numbers = _numbers(edge)
    first = list(dict.fromkeys(numbers))  # duplicates are legal after a crash
    assert sorted(first) == list(range(6000))
    assert first == sorted(first)
    assert len(numbers) - len(first) <= 3 * 64
    assert await edge.call("talker", "ask") == (200, {"asked": None, "count": 6000})  # still subscribed
    await edge.desire("talker", {"count": 5})
    await edge.reported("talker", lambda r: r["count"]["value"] == 5)
    assert process.running


async def test_what_changed_while_the_hub_was_away_is_read_after_it(edge: Edge) -> None:
    process = edge.start("talker", "-c", MODULE)
    await eventually(lambda: len(_numbers(edge)) == 3)
    process.signal(signal.SIGSTOP)
    await edge.stop_hub(signal.SIGTERM)
    await edge.start_hub()
    await edge.desire("talker", {"count": None, "url": "http://new"})
    process.signal(signal.SIGCONT)
    reported = await edge.reported("talker", lambda r: r["url"]["ad"] == "twin")
    assert reported["count"]["ad"] == "default"
