"""What a browser's stream tells, to how many, and what it leaves behind."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.message import ClientId
from edge_runtime.page import live, readers, runtime_client
from edge_runtime.page.endpoints import Endpoints
from edge_runtime.page.readers import MOST_READERS
from edge_runtime.page.stream import StreamHandler
from tests.hub.links import RecordingLink
from tests.page.conftest import CAMERA, Page, send, serving
from tests.patience import PATIENCE_S, eventually


async def watched(hub: EdgeHub) -> None:
    """Until the page reads the hub's feed."""
    await eventually(lambda: hub.feed.readers)


async def unwatched(hub: EdgeHub) -> None:
    await eventually(lambda: not hub.feed.readers)


async def test_it_begins_with_hello_and_a_snapshot(page: Page, hub: EdgeHub) -> None:
    async with page.stream() as events:
        kind, hello = await events.next()
        assert kind == "hello"
        assert hello["sampling"] == {"tracesPerSecond": 5, "bytesPerSecond": 1_000_000}
        snapshot = await events.until("snapshot")
    assert (hello["version"], hello["device"]) == (1, "edge")
    assert hello["instance"] == snapshot["instance"] != ""
    assert (snapshot["device"], snapshot["hub"]) == ("edge", "up")
    (frames, up) = snapshot["routes"]
    assert frames["from"] == {"module": "camera", "output": "frames"}
    assert (frames["to"], up["to"]) == ("classifier/frames", "iothub")
    assert {one["endpoint"] for one in snapshot["endpoints"]} == {"classifier/frames", "iothub"}
    assert set(snapshot["modules"]) == {"camera", "classifier", "edgeAgent", "edgeHub"}
    assert [name for name, state in snapshot["modules"].items() if state["system"]] == [
        "edgeAgent",
        "edgeHub",
    ]
    upstream = snapshot["upstream"]
    del upstream["connected"]  # nothing was sent yet that would show it
    assert upstream == {"switchedOff": False, "queued": 0, "delivered": 0, "rate": 0.0}


async def test_a_message_is_told_with_its_body_and_so_is_its_way_up(page: Page, hub: EdgeHub) -> None:
    async with page.stream() as events:
        await watched(hub)
        body = json.dumps({"label": "</script><b>", "n": 1}).encode()
        send(hub, "events", body, message_id="m.7", schema="event/1")
        message = await events.until("message")
        delivered = await events.until("delivered")
        snapshot = await events.until("snapshot", lambda one: one["upstream"]["delivered"])
    assert (message["number"], message["module"], message["output"]) == (1, "camera", "events")
    assert (message["routes"], message["endpoints"]) == (["events"], ["iothub"])
    assert (message["app"], message["body"], message["trace"]) == (
        {"schema": "event/1"},
        body.decode(),
        "m.7",
    )
    assert "type" not in message
    assert (delivered["endpoint"], delivered["messageId"]) == ("iothub", "m.7")
    assert (snapshot["stored"], snapshot["upstream"]["delivered"]) == (1, 1)


async def test_drops_and_connections_are_told(page: Page, hub: EdgeHub) -> None:
    async with page.stream() as events:
        await watched(hub)
        link = RecordingLink()
        hub.attach(CAMERA, link, frozenset())
        assert (await events.until("connected"))["module"] == "camera"
        send(hub, "nowhere", b"{}")
        assert (await events.until("dropped"))["reason"] == "no_route"
        hub.detach(CAMERA, link)
        assert (await events.until("disconnected"))["module"] == "camera"
        snapshot = await events.until("snapshot", lambda one: one["dropped"])
    (drop,) = snapshot["dropped"]
    assert (drop["reason"], drop["module"], drop["output"], drop["count"]) == (
        "no_route", "camera", "nowhere", 1
    )  # fmt: skip


async def test_what_is_reported_is_told_without_its_secrets(page: Page, hub: EdgeHub) -> None:
    async with page.stream() as events:
        await watched(hub)
        await hub.report(CAMERA, {"source": "rtsp://admin:hunter2@camera/1", "token": "t-4711", "fps": 5})
        reported = await events.until("reported")
    assert reported["patch"] == {"source": "rtsp://***@camera/1", "token": "***", "fps": 5}


async def test_a_number_that_json_has_not_does_not_break_the_stream(page: Page, hub: EdgeHub) -> None:
    async with page.stream() as events:
        await watched(hub)
        hub.feed.publish("reported", device="edge", module="camera", patch={"x": float("nan"), "y": "\ud800"})
        assert (await events.until("reported"))["patch"] == {"x": None, "y": "?"}


async def test_a_second_browser_is_told_at_once_and_costs_the_hub_nothing(
    page: Page, hub: EdgeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_PERIOD_S", 10 * PATIENCE_S)
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(page.stream())
        await one.until("snapshot")
        await watched(hub)
        await one.until("snapshot")  # as the feed begins
        other = await stack.enter_async_context(page.stream())
        assert [(await other.next())[0] for _ in range(2)] == ["hello", "snapshot"]
        assert len(hub.feed.readers) == 1
        send(hub, "events", b"{}", message_id="m.1")
        assert (await one.until("message"))["number"] == (await other.until("message"))["number"] == 1


async def test_the_ninth_browser_is_refused_until_one_goes(page: Page) -> None:
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(AsyncExitStack()) for _ in range(MOST_READERS)]
        for one in streams:
            await one.enter_async_context(page.stream())
        status, body = await page.ask("GET", "/stream")
        assert (status, body["message"]) == (429, "8 browsers read already: close one of their pages")
        await streams[0].aclose()
        async with asyncio.timeout(PATIENCE_S):
            while True:
                async with page.http.get("/api/v1/stream") as response:
                    if response.status == 200:
                        break


async def test_when_the_last_browser_goes_the_hub_is_left_alone(page: Page, hub: EdgeHub) -> None:
    async with page.stream() as events:
        await watched(hub)
        async with page.stream():
            pass
        await events.until("snapshot")
        assert hub.feed.readers
    await unwatched(hub)
    server = page.server._live
    assert (len(server._readers), server._tasks, server._latest) == (0, [], None)
    async with page.stream() as events:  # and it begins anew
        await events.until("snapshot")


async def test_nobody_asks_the_hub_while_no_browser_reads(page: Page, hub: EdgeHub) -> None:
    await page.ask("GET", "/snapshot")
    assert (hub.feed.readers, page.server._live._tasks) == (set(), [])


class Stalled:
    """A browser that asks for the stream and takes nothing."""

    def __init__(self, page: Page) -> None:
        host, _, port = page.address.partition(":")
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        self._socket.connect((host, int(port)))
        self._socket.sendall(
            f"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {page.token}\r\n\r\n".encode()
        )
        self._socket.setblocking(False)

    async def read_on(self, wanted: bytes) -> bytes:
        """Everything up to where `wanted` has come, or the end."""
        seen = b""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE_S):
            while wanted not in seen and (chunk := await loop.sock_recv(self._socket, 1 << 20)):
                seen = seen[-len(wanted) :] + chunk
        return seen

    def close(self) -> None:
        self._socket.close()


async def flood(hub: EdgeHub, page: Page) -> int:
    """More than a connection's buffers hold, one by one as a second browser takes them; how many it got."""
    name = "m" * 50_000
    async with page.stream() as events:
        await events.until("snapshot")
        await watched(hub)
        for _ in range(300):
            hub.feed.publish("connected", device="edge", module=name)
            await events.until("connected")
    return 300


async def test_a_slow_browser_is_told_what_it_missed_and_others_go_on(
    page: Page, hub: EdgeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "MOST_WAITING_BYTES", 256 * 1024)
    slow = Stalled(page)
    try:
        await eventually(lambda: len(page.server._live._readers) == 1)
        assert await flood(hub, page) == 300
        await eventually(lambda: len(page.server._live._readers) == 1)
        (reader,) = page.server._live._readers._readers
        assert reader._bytes <= 256 * 1024
        assert reader._missed > 0
        assert b"event: gap" in await slow.read_on(b"event: gap")
        assert b"event: snapshot" in await slow.read_on(b"event: snapshot")
    finally:
        slow.close()
    await unwatched(hub)


async def test_a_browser_that_takes_nothing_for_long_loses_its_place(
    hub: EdgeHub, endpoints: Endpoints, tmp_path: Path
) -> None:
    async with serving(tmp_path / "upstream.db", stalled_s=0.5) as page:
        page.server.follow(endpoints)
        slow = Stalled(page)
        try:
            await eventually(lambda: len(page.server._live._readers) == 1)
            await flood(hub, page)
            await unwatched(hub)
            assert len(page.server._live._readers) == 0
            # Nor does what was written wait for it in the connection.
            visitors = page.server._listener._visitors
            await eventually(lambda: all(visitor.gone for visitor in visitors.values()))
        finally:
            slow.close()


async def test_the_end_of_the_page_ends_the_streams(
    hub: EdgeHub, endpoints: Endpoints, tmp_path: Path
) -> None:
    async with serving(tmp_path / "upstream.db") as page:
        page.server.follow(endpoints)
        async with page.stream() as events:
            await events.until("snapshot")
            await page.server.stop()
            with pytest.raises(EOFError):
                await events.until("never")
    await unwatched(hub)


async def test_before_the_runtime_is_up_there_is_no_stream(bare: Page) -> None:
    for path in ("/stream", "/snapshot", "/modules/camera/twin"):
        assert await bare.ask("GET", path) == (503, {"message": "the runtime is starting"})
    assert len(bare.server._live._readers) == 0


async def test_a_handler_that_fails_is_told_and_harms_nobody(
    page: Page, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails() -> None:
        raise RuntimeError("the secret of the inside")

    with monkeypatch.context() as patched:
        patched.setattr(page.server._live, "snapshot", fails)
        status, body = await page.ask("GET", "/snapshot")
    assert (status, body) == (500, {"message": "the page failed; the log of edgeAgent says how"})
    assert "the secret of the inside" in caplog.text
    assert (await page.ask("GET", "/snapshot"))[0] == 200


async def test_a_hub_that_tells_too_much_is_left_alone(
    page: Page, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runtime_client, "MOST_SNAPSHOT", 100)
    monkeypatch.setattr(live, "_PERIOD_S", 0.01)
    async with page.stream() as events:
        for _ in range(3):
            assert (await events.until("snapshot"))["hub"] == "down"
    said = [one.getMessage() for one in caplog.records if "how it is" in one.getMessage()]
    assert said == ["the hub does not tell how it is: the hub's answer is larger than 100 bytes"] * len(said)
    assert 1 <= len(said) <= 2, "once for each poller, and not each second"


async def test_a_hub_that_refuses_is_shown_as_down(page: Page, hub: EdgeHub) -> None:
    await hub.report(ClientId("edge", "$edgeAgent"), {"modules": "no object"})
    async with page.stream() as events:
        assert (await events.until("snapshot"))["hub"] == "down"


async def test_a_browser_whose_connection_breaks_is_no_failure_of_the_page(
    page: Page, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def breaks(*_: object) -> None:
        raise ConnectionResetError("the browser takes nothing")

    monkeypatch.setattr(StreamHandler, "_write", breaks)
    async with page.stream() as events:
        with pytest.raises(EOFError):
            await events.next()
    assert "the page failed" not in caplog.text
