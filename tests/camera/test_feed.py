from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from camera.feed import Feed
from camera.flow import CreditWindow
from camera.picture import ImageFile, Pixels
from camera.settings import CameraSettings
from camera.sources.source import Source, SourceSilentError, SourceUnavailableError
from camera.status import State
from module_kit.frame import Frame
from module_kit.identifiers import seconds_of
from module_kit.inbox import Overflow
from tests.camera.fakes import Bench, ListSource
from tests.camera.pictures import jpeg
from tests.patience import PATIENCE_S, eventually


def files(count: int, start: int = 0) -> list[ImageFile]:
    return [ImageFile(jpeg(number), f"label{number}") for number in range(start, start + count)]


class Rig:
    """A feed on a bench, with settings that a test may change."""

    def __init__(self, source: Source, bench: Bench | None = None, /, **settings: Any) -> None:
        self.bench = bench or Bench()
        self.settings = CameraSettings.model_validate(
            {"source": "folder:/x", "sourceName": "src", **settings}
        )
        self.bench.frames.begin("src")
        policy = Overflow.DROP_OLDEST if source.live else self.settings.overflow_policy
        self.feed = Feed(source, policy, lambda: self.settings, self.bench.status, self.bench.frames)

    async def run(self, timeout_s: float = PATIENCE_S) -> None:
        async with asyncio.timeout(timeout_s):
            await self.feed.run()
            await self.bench.frames.settle()


async def test_every_file_becomes_one_frame_in_order() -> None:
    rig = Rig(ListSource(*files(40)))
    await rig.run()
    hub = rig.bench.hub
    assert hub.sequences == list(range(40))
    assert hub.labels == [f"label{number}" for number in range(40)]
    frames = [Frame.decode(as_incoming(message)) for message in hub.messages]
    assert {frame.boot for frame in frames} == {rig.bench.frames.boot}
    assert len({frame.traceparent for frame in frames}) == 40
    assert all(abs(seconds_of(frame.captured_at) - time.time()) < 60 for frame in frames)
    assert [frame.image for frame in frames] == [jpeg(number) for number in range(40)]
    assert rig.bench.status.sent == 40


def as_incoming(message: Any) -> Any:
    class Arrived:
        data = message.body
        custom_properties = message.properties
        message_id = message.message_id
        content_type = message.content_type
        content_encoding = None
        input_name = "frames"

    return Arrived()


async def test_a_stalled_hub_holds_the_feed_and_loses_nothing() -> None:
    rig = Rig(ListSource(*files(100)))
    rig.bench.hub.open.clear()
    running = asyncio.create_task(rig.run())
    await eventually(lambda: len(rig.bench.hub.messages) == 16)
    await asyncio.sleep(0.3)
    assert len(rig.bench.hub.messages) == 16, "the window"
    assert rig.bench.status.sent == 0
    rig.bench.hub.open.set()
    await running
    assert rig.bench.hub.sequences == list(range(100))
    assert not rig.bench.status.drops


async def test_without_credit_sixty_four_frames_go_and_a_credit_lets_more_go() -> None:
    rig = Rig(ListSource(*files(100)), Bench(frames_per_credit=0))
    running = asyncio.create_task(rig.run())
    await eventually(lambda: len(rig.bench.hub.messages) == 64)
    await asyncio.sleep(0.2)
    assert len(rig.bench.hub.messages) == 64
    rig.bench.frames.credit("other", 63)
    await asyncio.sleep(0.05)
    assert len(rig.bench.hub.messages) == 64, "a credit of another boot says nothing"
    rig.bench.frames.credit(rig.bench.frames.boot, 15)
    await eventually(lambda: len(rig.bench.hub.messages) == 80)
    rig.bench.frames.credit(rig.bench.frames.boot, 79)
    await running
    assert rig.bench.status.lost == 0


async def test_a_window_that_stays_silent_is_counted_lost_and_the_feed_goes_on() -> None:
    rig = Rig(ListSource(*files(150)), Bench(frames_per_credit=0))
    rig.bench.frames._window = CreditWindow(patience_s=0.3)
    began = time.monotonic()
    await rig.run()
    assert 0.55 < time.monotonic() - began < 14, "the patience is 15 s without the patch"
    assert len(rig.bench.hub.messages) == 150
    assert rig.bench.status.lost == 128, "two full windows; nobody waits for the last, which is not full"
    assert rig.bench.reports.last["frameCounts"]["withoutCredit"] == 128


async def test_frames_refused_for_good_are_counted() -> None:
    rig = Rig(ListSource(*files(10)))
    rig.bench.hub.refuse = {3, 4}
    await rig.run()
    assert rig.bench.status.sent == 8
    assert rig.bench.status.drops == {"send_refused": 2}


async def test_the_pace_is_kept_and_can_be_changed_live() -> None:
    rig = Rig(ListSource(*files(300)), fps=20)
    running = asyncio.create_task(rig.run())
    began = time.monotonic()
    await eventually(lambda: len(rig.bench.hub.messages) == 11)
    assert time.monotonic() - began > 0.4
    rig.settings = rig.settings.model_copy(update={"fps": 0})
    await asyncio.wait_for(running, 10)  # at the old pace the rest would take more


async def test_a_slow_pace_does_not_hold_back_a_new_one() -> None:
    rig = Rig(ListSource(*files(10)), fps=0.01)
    running = asyncio.create_task(rig.run())
    await eventually(lambda: len(rig.bench.hub.messages) == 1)
    rig.settings = rig.settings.model_copy(update={"fps": 0})
    await asyncio.wait_for(running, 60)  # at the old pace the second would take more


async def test_the_sources_own_pace_counts_when_none_is_set() -> None:
    source = ListSource(*files(6))
    source.natural_fps = 20.0
    rig = Rig(source)
    began = time.monotonic()
    await rig.run()
    assert time.monotonic() - began > 0.2


@pytest.mark.parametrize(
    ("available", "settings", "sent"),
    [
        (5, {}, 5),
        (5, {"loop": False, "frames": 3}, 3),
        (5, {"loop": True, "frames": 12}, 12),  # round and round until the number is reached
        (5, {"frames": 9}, 5),  # the end comes first
    ],
)
async def test_the_end(available: int, settings: dict[str, Any], sent: int) -> None:
    source = ListSource(*files(available))
    rig = Rig(source, **settings)
    await rig.run()
    assert rig.bench.hub.sequences == list(range(sent))
    assert source.opened == -(-sent // available)


async def test_after_a_failure_a_file_goes_on_where_it_was() -> None:
    first = ListSource(*files(5), SourceUnavailableError("the disk is away"), *files(5, 5))
    rig = Rig(first)
    with pytest.raises(SourceUnavailableError):
        await rig.run()
    first._items = tuple(files(10))
    await rig.run()
    assert rig.bench.hub.labels == [f"label{number}" for number in range(10)], "nothing twice"


async def test_bad_pictures_are_counted_and_the_next_ones_sent() -> None:
    rig = Rig(ListSource(ImageFile(b"<html>"), *files(1), ImageFile(b"\xff\xd8\xff"), *files(1, 1)))
    await rig.run()
    assert rig.bench.hub.labels == ["label0", "label1"]
    assert rig.bench.status.drops == {"not_an_image": 1, "undecodable": 1}


async def test_a_loop_over_nothing_that_can_be_sent_does_not_spin() -> None:
    with pytest.raises(SourceUnavailableError, match="nothing in it can be sent"):
        await Rig(ListSource(ImageFile(b"<html>")), loop=True).run()


async def test_pause_holds_a_file_and_loses_nothing() -> None:
    rig = Rig(ListSource(*files(20)), fps=50)
    running = asyncio.create_task(rig.run())
    await eventually(lambda: len(rig.bench.hub.messages) >= 5)
    rig.bench.status.pause()
    assert rig.bench.status.state is State.PAUSED
    held = len(rig.bench.hub.messages)
    await asyncio.sleep(0.2)
    assert len(rig.bench.hub.messages) <= held + 1
    rig.bench.status.resume()
    await running
    assert rig.bench.hub.sequences == list(range(20))
    assert rig.bench.reports.states == ["running", "paused", "running"]


async def test_pause_leaves_out_what_a_camera_gives_meanwhile() -> None:
    items = [item for picture in files(50) for item in (picture, 0.05)]
    rig = Rig(ListSource(*items, 9.0, live=True, repeats=False), source="camera:0")
    running = asyncio.create_task(rig.run())
    await eventually(lambda: len(rig.bench.hub.messages) >= 3)
    rig.bench.status.pause()
    await eventually(lambda: rig.bench.status.drops.get("paused", 0) >= 5)
    rig.bench.status.resume()
    with pytest.raises(SourceSilentError):
        await running
    sent = rig.bench.hub.labels
    assert len(sent) + sum(rig.bench.status.drops.values()) == 50
    assert sent[-1] == "label49"


async def test_a_silent_camera_is_an_error_and_reported_in_time() -> None:
    rig = Rig(ListSource(*files(2), 30.0, live=True), source="camera:0", silenceSeconds=0.5)
    began = time.monotonic()
    with pytest.raises(SourceSilentError, match=r"camera:0: no picture for more than 0\.5 s"):
        await rig.run()
    assert time.monotonic() - began < 20, "the source is silent for 30 s"
    assert len(rig.bench.hub.messages) == 2


async def test_a_camera_that_takes_long_to_begin_is_reported_and_waited_for() -> None:
    rig = Rig(ListSource(2.0, *files(1), live=True), source="camera:0", silenceSeconds=1.0, frames=1)
    await rig.run()
    assert rig.bench.reports.states == ["no_signal", "running"]


async def test_the_end_of_a_live_stream_is_a_failure() -> None:
    with pytest.raises(SourceUnavailableError, match="the stream ended"):
        await Rig(ListSource(*files(2), live=True), source="camera:0").run()


async def test_frozen_pictures_are_flagged_and_counted() -> None:
    items = [ImageFile(jpeg(1))] * 8 + [ImageFile(jpeg(2))]
    rig = Rig(ListSource(*items, live=True), source="camera:0", frozenAfter=5, frames=9)
    await rig.run()
    assert rig.bench.reports.states == ["running", "frozen", "running"]
    assert rig.bench.status.frozen == 4
    assert len(rig.bench.hub.messages) == 9


async def test_a_file_may_be_played_as_a_camera_is() -> None:
    rig = Rig(ListSource(*files(60)), fps=100, overflow="drop_oldest")
    rig.bench.hub.open.clear()
    running = asyncio.create_task(rig.run())
    await eventually(lambda: rig.bench.status.drops.get("overflow", 0) >= 10)
    rig.bench.hub.open.set()
    await running
    assert rig.bench.status.drops["overflow"] >= 10
    assert len(rig.bench.hub.messages) + rig.bench.status.drops["overflow"] == 60
    times = [seconds_of(message.properties["capturedAt"]) for message in rig.bench.hub.messages]
    assert times[-1] - times[0] > 0.4, "the clock went on while the hub stood still"


async def test_encoding_follows_the_settings_of_the_moment() -> None:
    source = ListSource(Pixels(bytes(3 * 64 * 64), 64, 64), 2.0, Pixels(bytes(3 * 64 * 64), 64, 64))
    rig = Rig(source)
    running = asyncio.create_task(rig.run())
    await eventually(lambda: len(rig.bench.hub.messages) == 1)
    rig.settings = rig.settings.model_copy(update={"jpeg_quality": 50, "maximum_side": 32})
    await running
    assert [m.content_type for m in rig.bench.hub.messages] == ["image/png", "image/jpeg"]
    assert [m.properties["width"] for m in rig.bench.hub.messages] == ["64", "32"]


async def test_a_long_label_does_not_stop_a_frame() -> None:
    rig = Rig(ListSource(ImageFile(jpeg(), "x" * 200)))
    await rig.run()
    assert rig.bench.hub.labels == ["x" * 64]
