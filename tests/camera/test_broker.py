"""Against Debian's mosquitto."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from camera.picture import ImageFile, Picture
from camera.settings import CameraSettings
from camera.sources import broker as broker_source
from camera.sources.opening import open_source
from camera.sources.source import SourceUnavailableError
from camera.status import State
from camera.supervisor import Supervisor
from module_kit.backoff import Backoff
from module_kit.inbox import Overflow
from tests.camera.fakes import Bench, Events
from tests.camera.pictures import jpeg, png
from tests.patience import PATIENCE_S
from tests.servers.mosquitto import Broker, needs_mosquitto
from tests.servers.process import free_port

pytestmark = needs_mosquitto


@pytest.fixture
def broker(loopback: str, tmp_path: Path) -> Broker:
    return Broker(loopback, tmp_path, "cams/1")


def pictures_of(
    url: str, events: Events | None = None, overflow: Overflow = Overflow.WAIT
) -> AsyncGenerator[Picture, None]:
    settings = CameraSettings(source=url)
    return open_source(settings.spec, settings, overflow, events or Events()).pictures()


async def first(
    pictures: AsyncGenerator[Picture, None], count: int, listening: object, publish: object
) -> list[Picture]:
    """The first pictures, of which the publishing begins when the source listens."""
    taken: list[Picture] = []
    publishing: asyncio.Task[None] | None = None
    async with asyncio.timeout(PATIENCE_S), aclosing(pictures):
        waiting = asyncio.ensure_future(anext(pictures))
        await listening  # type: ignore[misc]
        publishing = asyncio.ensure_future(publish)  # type: ignore[call-overload]
        while True:
            taken.append(await waiting)
            if len(taken) == count:
                break
            waiting = asyncio.ensure_future(anext(pictures))
    assert publishing is not None
    await publishing
    return taken


async def test_published_pictures_arrive_byte_for_byte(broker: Broker) -> None:
    with broker.serve():
        taken = await first(
            pictures_of(broker.url()), 2, broker.subscribed(), broker.publish(jpeg(1), png(2))
        )
    assert [p.body for p in taken if isinstance(p, ImageFile)] == [jpeg(1), png(2)]
    assert all(p.captured_at == pytest.approx(time.time(), abs=100) for p in taken)


async def test_a_wildcard_is_percent_encoded(broker: Broker) -> None:
    with broker.serve():
        taken = await first(
            pictures_of(broker.url("cams/%23")),
            1,
            broker.subscribed("cams/#"),
            broker.publish(jpeg(), topic="cams/7/x"),
        )
    assert len(taken) == 1


async def test_what_is_no_picture_is_counted(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_source, "MAXIMUM_PICTURE_BYTES", 20_000)
    events = Events()
    bad = [b"", b"offline", b"<html>", jpeg()[:-2], jpeg(side=200)]
    with broker.serve():
        taken = await first(
            pictures_of(broker.url(), events), 1, broker.subscribed(), broker.publish(*bad, jpeg(5))
        )
    assert [p.body for p in taken if isinstance(p, ImageFile)] == [jpeg(5)]
    assert events.drops == {"not_an_image": 3, "incomplete": 1, "file_too_large": 1}


async def test_a_huge_message_never_crosses_the_network(broker: Broker) -> None:
    """MQTT 5: the broker knows what is accepted, so 30 MB cost no memory here."""
    events = Events()
    huge = jpeg()[:3] + bytes(30_000_000)
    with broker.serve():
        taken = await first(
            pictures_of(broker.url(), events), 1, broker.subscribed(), broker.publish(huge, jpeg(5))
        )
    assert len(taken) == 1
    assert not events.drops


async def test_a_broker_of_the_old_protocol_serves_as_well(broker: Broker) -> None:
    with broker.serve():
        async with only_mqtt_3(broker) as url:
            taken = await first(pictures_of(url), 1, broker.subscribed(), broker.publish(jpeg()))
    assert len(taken) == 1


@asynccontextmanager
async def only_mqtt_3(broker: Broker) -> AsyncGenerator[str, None]:
    """A door to the broker that answers an MQTT 5 CONNECT as a broker of 2014 does: code 1, wrong protocol."""

    async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connect = await reader.readexactly(9)  # fixed header, length, "MQTT", level
        if connect[8] == 5:
            writer.write(b"\x20\x02\x00\x01")
            writer.close()
            return
        inner_reader, inner_writer = await asyncio.open_connection(broker.address, broker.port)
        inner_writer.write(connect)
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
        finally:
            writer.close()
            await writer.wait_closed()

    port = free_port(broker.address)
    server = await asyncio.start_server(enter, broker.address, port)
    async with server:
        yield f"mqtt://{broker.address}:{port}/cams/1"
        async with asyncio.timeout(PATIENCE_S):
            while server.sockets and len(asyncio.all_tasks()) > 1:  # both ends hang up
                await asyncio.sleep(0.05)


async def test_a_retained_picture_is_of_the_past(broker: Broker) -> None:
    events = Events()
    with broker.serve():
        await broker.publish(jpeg(1), retain=True)
        taken = await first(
            pictures_of(broker.url(), events), 1, broker.subscribed(), broker.publish(jpeg(2))
        )
    assert [p.body for p in taken if isinstance(p, ImageFile)] == [jpeg(2)]
    assert events.drops == {"retained": 1}


async def test_only_the_newest_waits_and_the_others_are_counted(broker: Broker) -> None:
    events = Events()
    pictures = pictures_of(broker.url(), events, Overflow.DROP_OLDEST)
    with broker.serve():
        await first_then_pause(pictures, broker, events)
        async with asyncio.timeout(PATIENCE_S), aclosing(pictures):
            newest = await anext(pictures)
    assert isinstance(newest, ImageFile)
    assert newest.body == jpeg(9)
    assert events.drops["overflow"] == 8


async def first_then_pause(pictures: AsyncGenerator[Picture, None], broker: Broker, events: Events) -> None:
    waiting = asyncio.ensure_future(anext(pictures))
    await broker.subscribed()
    await broker.publish(jpeg(0))
    await waiting
    await broker.publish(*[jpeg(seed) for seed in range(1, 10)])
    async with asyncio.timeout(PATIENCE_S):
        while events.drops["overflow"] < 8:
            await asyncio.sleep(0.02)


async def listens(pictures: AsyncGenerator[Picture, None]) -> None:
    """The source is connected and waits."""
    waiting = asyncio.ensure_future(anext(pictures))
    done, _ = await asyncio.wait([waiting], timeout=0.5)
    waiting.cancel()
    await asyncio.wait([waiting])
    await pictures.aclose()
    assert not done, waiting.exception()


async def test_credentials(broker: Broker) -> None:
    with broker.serve(*broker.only("me", "s3/cret")):
        await listens(pictures_of(broker.url(user="me:s3%2Fcret@")))
        for user in ("", "me:wrong@"):
            with pytest.raises(SourceUnavailableError, match="refused user name or password") as caught:
                await anext(pictures_of(broker.url(user=user)))
            assert "wrong" not in str(caught.value)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=broker"
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "ca.pem")]
    subprocess.run(
        [*command.split(), *files, "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True
    )
    return folder


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
async def test_tls_is_verified(broker: Broker, certificate: Path) -> None:
    options = [f"certfile {certificate}/ca.pem", f"keyfile {certificate}/key.pem"]
    broker.address = "localhost"
    broker.port = free_port("127.0.0.1")
    url = broker.url(scheme="mqtts")
    with broker.serve(*options):
        await listens(pictures_of(f"{url}?ca={certificate}/ca.pem"))
        with pytest.raises(SourceUnavailableError, match="certificate"):
            await anext(pictures_of(url))
    with pytest.raises(SourceUnavailableError, match="CA file"):
        await anext(pictures_of(f"{url}?ca=/nowhere.pem"))
    gc.collect()  # paho leaves the socket of a failed handshake to the collector, which must not find it later


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("mqtt://127.0.0.1:9/t", "refused"),
        ("mqtt://no-such-host.invalid/t", "no-such-host"),
    ],
)
async def test_no_broker_is_told(url: str, part: str) -> None:
    with pytest.raises(SourceUnavailableError, match=part):
        await anext(pictures_of(url))


async def test_a_silent_publisher_and_a_dead_broker_are_noticed_and_recovered_from(broker: Broker) -> None:
    bench = Bench()
    settings = CameraSettings(source=broker.url(), silence_seconds=1.0)

    async def until(state: State, publish: bytes | None = None) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while bench.status.state is not state:
                if publish:
                    await broker.publish(publish)
                await asyncio.sleep(0.05)

    supervisor = Supervisor(lambda: settings, bench.status, bench.frames, lambda: Backoff(0.2, 0.5))
    task = asyncio.create_task(supervisor.run())
    with broker.serve() as process:
        await until(State.RUNNING, jpeg(1))
        await until(State.NO_SIGNAL)
        assert "no picture for more than 1 s" in bench.reports.last["lastError"]
        await until(State.RUNNING, jpeg(2))
        process.kill()
        await until(State.NO_SIGNAL)
    with broker.serve():
        await until(State.RUNNING, jpeg(3))
    task.cancel()
    await asyncio.wait([task])
    assert bench.hub.sequences == list(range(len(bench.hub.sequences)))
