"""Against Debian's gst-rtsp-server (see `rtsp_server.py` for the packages)."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from camera.picture import Pixels
from camera.settings import CameraSettings
from camera.sources.opening import open_source
from camera.sources.source import Source, SourceUnavailableError
from camera.status import State
from camera.supervisor import Supervisor
from module_kit.backoff import Backoff
from module_kit.identifiers import seconds_of
from module_kit.inbox import Overflow
from tests.camera.fakes import Bench, Events, take
from tests.patience import PATIENCE_S
from tests.servers.process import free_port, running

SERVER = Path(__file__).with_name("rtsp_server.py")


def _has_server() -> bool:
    probe = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
    try:
        return (
            subprocess.run(["/usr/bin/python3", "-c", probe], capture_output=True, check=False).returncode
            == 0
        )
    except FileNotFoundError:
        return False


pytestmark = pytest.mark.skipif(not _has_server(), reason="needs Debian's gir1.2-gst-rtsp-server-1.0")


class Serve(Protocol):
    def __call__(self, codec: str, *credentials: str) -> AbstractContextManager[subprocess.Popen[bytes]]: ...


class Place:
    """Where the test's server listens."""

    def __init__(self, address: str, log: Path) -> None:
        self.address, self.port, self.log = address, free_port(address), log

    def url(self, path: str = "/stream", user: str = "") -> str:
        return f"rtsp://{user}{self.address}:{self.port}{path}"

    @contextmanager
    def serve(self, codec: str, *credentials: str) -> Iterator[subprocess.Popen[bytes]]:
        command = ["/usr/bin/python3", str(SERVER), self.address, str(self.port), codec, *credentials]
        with running(command, self.address, self.port, self.log) as process:
            yield process


@pytest.fixture
def place(loopback: str, tmp_path: Path) -> Place:
    return Place(loopback, tmp_path / "rtsp.log")


def source_of(url: str) -> Source:
    settings = CameraSettings(source=url)
    return open_source(settings.spec, settings, Overflow.DROP_OLDEST, Events())


@pytest.mark.parametrize("codec", ["h264", "mjpeg"])
async def test_gives_decoded_frames(place: Place, codec: str) -> None:
    with place.serve(codec):
        pictures = await take(source_of(place.url()), 5)
    for picture in pictures:
        assert isinstance(picture, Pixels)
        assert (picture.width, picture.height) == (160, 120)
        assert picture.captured_at == pytest.approx(time.time(), abs=100)
    assert len({p.rgb for p in pictures if isinstance(p, Pixels)}) == 5, "snow never repeats itself"


@pytest.mark.parametrize(
    ("user", "path", "part"),
    [
        ("", "/stream", "wants a user name and a password"),
        ("me:wr0ng@", "/stream", "refused the user name or the password"),
        ("me:s3cret@", "/other", "no stream of this path"),
    ],
)
async def test_a_refusal_says_why_and_shows_no_password(
    place: Place, user: str, path: str, part: str
) -> None:
    with place.serve("mjpeg", "me", "s3cret"):
        assert len(await take(source_of(place.url(user="me:s3cret@")), 1)) == 1
        with pytest.raises(SourceUnavailableError, match=part) as caught:
            await take(source_of(place.url(path, user)), 1)
    assert not {"s3cret", "wr0ng"} & set(str(caught.value).replace("@", ":").split(":"))


async def test_no_server_is_told(place: Place) -> None:
    with pytest.raises(SourceUnavailableError, match=f"no connection to port {place.port}"):
        await take(source_of(place.url()), 1)


async def test_a_port_that_never_answers_is_told_in_time(place: Place) -> None:
    with socket.create_server((place.address, place.port)):  # connects, and says nothing
        watched = Watched(place.url())
        assert await watched.until(State.NO_SIGNAL) < 20, "OpenCV's own limit is 30 s"
        async with asyncio.timeout(PATIENCE_S):
            while "does not answer" not in watched.bench.reports.last["lastError"]:
                await asyncio.sleep(0.1)
        await watched.close()


class Watched:
    """A supervisor on a stream."""

    def __init__(self, url: str, **settings: object) -> None:
        self.bench = Bench()
        self.settings = CameraSettings.model_validate({"source": url, **settings})
        supervisor = Supervisor(
            lambda: self.settings, self.bench.status, self.bench.frames, lambda: Backoff(0.2, 0.5)
        )
        self.task = asyncio.create_task(supervisor.run())

    async def until(self, state: State, timeout_s: float = PATIENCE_S) -> float:
        """Seconds until the state is reported."""
        began = time.monotonic()
        async with asyncio.timeout(timeout_s):
            while self.bench.status.state is not state:
                await asyncio.sleep(0.02)
        return time.monotonic() - began

    async def frames(self, more: int) -> None:
        wanted = len(self.bench.hub.messages) + more
        async with asyncio.timeout(PATIENCE_S):
            while len(self.bench.hub.messages) < wanted:
                await asyncio.sleep(0.02)

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL])
async def test_a_dead_or_silent_stream_is_noticed_in_time_and_comes_back(
    place: Place, how: signal.Signals
) -> None:
    with place.serve("h264") as process:
        watched = Watched(place.url(user="me:s3cret@"))
        await watched.frames(10)
        process.send_signal(how)  # SIGSTOP: the socket stays open, no data come
        assert await watched.until(State.NO_SIGNAL) < 20, "OpenCV's own limit is 30 s"
        silent = len(watched.bench.hub.messages)
        await asyncio.sleep(1.0)
        assert len(watched.bench.hub.messages) == silent, "nothing old is sent as new"
        assert watched.bench.reports.last["lastError"]
        assert "s3cret" not in str(watched.bench.reports.last)
        if how is signal.SIGSTOP:
            process.send_signal(signal.SIGCONT)
            await watched.until(State.RUNNING)
            await watched.frames(10)
    if how is signal.SIGKILL:
        with place.serve("h264"):
            await watched.until(State.RUNNING)
            await watched.frames(10)
    await watched.close()
    sequences = watched.bench.hub.sequences
    assert sequences == list(range(len(sequences)))
    times = [seconds_of(m.properties["capturedAt"]) for m in watched.bench.hub.messages]
    assert times == sorted(times)
    assert "reconnecting" in watched.bench.reports.states


async def test_a_frozen_camera_is_flagged(place: Place) -> None:
    with place.serve("h264"):
        watched = Watched(place.url("/frozen"), frozenAfter=5)
        await watched.until(State.FROZEN)
        watched.bench.status.publish()
        assert watched.bench.reports.last["frameCounts"]["frozen"] >= 1
        await watched.close()


async def test_a_slow_hub_gets_the_newest_frame_and_the_rest_is_counted(place: Place) -> None:
    with place.serve("mjpeg"):
        watched = Watched(place.url())
        await watched.frames(3)
        watched.bench.hub.open.clear()
        await asyncio.sleep(2.5)
        watched.bench.hub.open.set()
        opened = time.time()
        stalled = len(watched.bench.hub.messages)
        await watched.frames(5)
        await watched.close()
    assert watched.bench.status.drops["overflow"] > 10
    after = watched.bench.hub.messages[stalled + 2 : stalled + 5]
    oldest = min(seconds_of(message.properties["capturedAt"]) for message in after)
    assert opened - oldest < 1.0, "no backlog of old frames"


async def test_a_rate_below_the_cameras_thins_it(place: Place) -> None:
    with place.serve("mjpeg"):
        watched = Watched(place.url(), fps=5)
        await watched.frames(1)
        began = time.monotonic()
        await watched.frames(10)
        assert time.monotonic() - began > 1.6
        await watched.close()
    assert watched.bench.status.drops["fps"] > 10
