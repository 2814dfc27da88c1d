from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from camera import metrics
from camera import supervisor as supervisor_module
from camera.picture import ImageFile
from camera.settings import CameraSettings
from camera.sources.source import Source
from camera.status import State
from camera.supervisor import Supervisor
from module_kit.backoff import Backoff
from tests.camera.fakes import Bench, ListSource
from tests.camera.pictures import binary_files, jpeg, write_folder
from tests.patience import PATIENCE_S


class Rig:
    """A supervisor whose settings a test changes as a twin would."""

    def __init__(self, **settings: Any) -> None:
        self.bench = Bench()
        self.settings = CameraSettings.model_validate(settings)
        self.supervisor = Supervisor(
            lambda: self.settings, self.bench.status, self.bench.frames, lambda: Backoff(0.05, 0.2)
        )
        self.task = asyncio.create_task(self.supervisor.run())

    def change(self, **settings: Any) -> None:
        old, self.settings = self.settings, CameraSettings.model_validate(settings)
        self.supervisor.settings_changed(old, self.settings)

    async def until(self, state: State) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self.bench.status.state is not state:
                await asyncio.sleep(0.01)

    async def sent(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.bench.hub.messages) < count:
                await asyncio.sleep(0.01)

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])
        assert self.task.cancelled()


def pictures(folder: Path, count: int, start: int = 0) -> Path:
    folder.mkdir(exist_ok=True)
    for number in range(start, start + count):
        file = folder / f"{number:03}.jpg"
        file.write_bytes(jpeg(number))
        os.utime(file, (1e9, 1e9))
    return folder


async def test_at_the_end_it_stays_and_says_finished(tmp_path: Path) -> None:
    rig = Rig(source=f"folder:{pictures(tmp_path / 'in', 20)}")
    await rig.until(State.FINISHED)
    assert rig.bench.reports.states == ["starting", "running", "finished"]
    assert rig.bench.reports.last["frameCounts"]["sent"] == 20
    await asyncio.sleep(0.2)
    assert len(rig.bench.hub.messages) == 20, "nothing is fed again"
    await rig.close()


async def test_finished_waits_for_the_hub(tmp_path: Path) -> None:
    rig = Rig(source=f"folder:{pictures(tmp_path / 'in', 3)}")
    rig.bench.hub.open.clear()
    await rig.sent(3)
    await asyncio.sleep(0.3)
    assert rig.bench.status.state is State.RUNNING
    rig.bench.hub.open.set()
    await rig.until(State.FINISHED)
    assert rig.bench.reports.last["frameCounts"]["sent"] == 3
    await rig.close()


async def test_a_path_that_does_not_exist_is_failed_and_tried_again(tmp_path: Path) -> None:
    rig = Rig(source=f"folder:{tmp_path / 'later'}")
    await rig.until(State.FAILED)
    assert "later: does not exist" in rig.bench.reports.last["lastError"]
    pictures(tmp_path / "later", 2)
    await rig.until(State.FINISHED)
    assert len(rig.bench.hub.messages) == 2
    await rig.close()


async def test_another_source_begins_another_boot_and_the_same_name_goes_on(tmp_path: Path) -> None:
    rig = Rig(source=f"folder:{pictures(tmp_path / 'a', 3)}", sourceName="door")
    await rig.until(State.FINISHED)
    first = rig.bench.frames.boot
    rig.change(source=f"folder:{pictures(tmp_path / 'b', 2)}", sourceName="door")
    await rig.sent(5)
    assert rig.bench.hub.sequences == [0, 1, 2, 3, 4], "one source, one boot: no sequence twice"
    rig.change(source=f"folder:{tmp_path / 'b'}", sourceName="gate")
    await rig.sent(7)
    assert rig.bench.hub.sequences[5:] == [0, 1]
    assert rig.bench.frames.boot != first
    identities = {message.message_id for message in rig.bench.hub.messages}
    assert len(identities) == 7
    await rig.close()


async def test_a_change_of_rate_or_quality_does_not_feed_again(tmp_path: Path) -> None:
    source = f"folder:{pictures(tmp_path / 'a', 3)}"
    rig = Rig(source=source)
    await rig.until(State.FINISHED)
    rig.change(source=source, fps=5, jpegQuality=50)
    await asyncio.sleep(0.2)
    assert len(rig.bench.hub.messages) == 3
    await rig.close()


async def test_a_change_interrupts_a_feed_that_waits(tmp_path: Path) -> None:
    rig = Rig(source=f"folder:{pictures(tmp_path / 'a', 3)}?follow=true")
    await rig.sent(3)
    rig.change(source=f"cifar10:{write_folder(tmp_path / 'c', binary_files())}", frames=2)
    await rig.until(State.FINISHED)
    assert [m.properties["source"] for m in rig.bench.hub.messages] == ["a"] * 3 + ["cifar10"] * 2
    assert rig.bench.reports.last["camera"]["name"] == "cifar10"
    await rig.close()


async def test_cifar10_is_fed_with_its_labels_and_without_loss(tmp_path: Path) -> None:
    rig = Rig(source=f"cifar10:{write_folder(tmp_path, binary_files())}?split=train")
    await rig.until(State.FINISHED)
    assert len(rig.bench.hub.messages) == 20
    assert {m.content_type for m in rig.bench.hub.messages} == {"image/png"}
    assert all(rig.bench.hub.labels)
    await rig.close()


class Broken(ListSource):
    """A source with a defect of its own."""

    async def pictures(self) -> AsyncGenerator[Any, None]:
        self.opened += 1
        if self.opened < 3:
            raise ZeroDivisionError("unforeseen")
        async for picture in super().pictures():
            yield picture


async def test_what_nobody_foresaw_is_reported_and_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    def opening(*_: object) -> Source:
        return Broken(ImageFile(jpeg()))

    monkeypatch.setattr(supervisor_module, "open_source", opening)
    rig = Rig(source="folder:/x")
    await rig.until(State.FINISHED)
    assert rig.bench.reports.last["lastError"] == "ZeroDivisionError: unforeseen"
    assert len(rig.bench.hub.messages) == 1
    await rig.close()


async def test_reports_show_no_credentials() -> None:
    rig = Rig(source="rtsp://me:s3cret@127.0.0.1:9/x")
    await rig.until(State.NO_SIGNAL)
    assert "s3cret" not in str(rig.bench.reports.last)
    assert rig.bench.reports.last["camera"]["source"] == "rtsp://***@127.0.0.1:9/x"
    assert "refused" in rig.bench.reports.last["lastError"]
    await rig.close()


async def test_a_camera_that_is_not_there_is_no_signal() -> None:
    rig = Rig(source="camera:77")
    await rig.until(State.NO_SIGNAL)
    assert "is /dev/video77 there" in rig.bench.reports.last["lastError"]
    await rig.close()


async def test_a_camera_that_stays_away_is_tried_again_without_filling_the_twin() -> None:
    failures = metrics.SOURCE_FAILURES.labels("no_signal")._value
    before = failures.get()
    rig = Rig(source="rtsp://127.0.0.1:9/x")
    await rig.until(State.NO_SIGNAL)
    told = dict(rig.bench.reports.last)
    async with asyncio.timeout(PATIENCE_S):
        while failures.get() < before + 5:
            await asyncio.sleep(0.05)
    assert rig.bench.reports.states == ["starting", "no_signal"]
    assert rig.bench.reports.last == told
    await rig.close()


async def test_progress_of_a_download_is_reported(tmp_path: Path) -> None:
    bench = Bench()
    await asyncio.to_thread(bench.status.progress, "downloading x: 40 %")
    await asyncio.sleep(0)
    assert bench.reports.last["camera"]["progress"] == "downloading x: 40 %"
    bench.status.enter(State.RUNNING)
    assert bench.reports.last["camera"]["progress"] is None
