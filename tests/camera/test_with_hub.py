"""`python -m camera` with the real SDK against the real hub; a small classifier answers with credits."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.camera.pictures import NAMES, binary_files, jpeg, record, write_folder
from tests.edge.edge import Edge
from tests.edge.manifest import route
from tests.edge.program import Program
from tests.patience import PATIENCE_S, eventually

CLASSIFIER = """
import json, os
from module_kit.credit import Credit
from module_kit.frame import Frame
from module_kit.module import run_module
from module_kit.settings import ModuleSettings

async def main(module):
    frames = module.input("frames", capacity=256)
    await module.start()
    with open(os.environ["SEEN"], "w", buffering=1) as seen:
        count = 0
        while True:
            frame = Frame.decode(await frames.get())
            seen.write(json.dumps([frame.source, frame.boot, frame.sequence, frame.label, frame.content_type]) + "\\n")
            count += 1
            if count % 16 == 0:
                credit = Credit(source=frame.source, boot=frame.boot, sequence=frame.sequence)
                await module.send("credits", credit.encode())

run_module("classifier", ModuleSettings, main)
"""


class Rig:
    """The hub, a classifier, and what it saw."""

    def __init__(self, edge: Edge, seen: Path) -> None:
        self.edge = edge
        self._seen = seen
        self.camera: Program | None = None
        edge.start("classifier", "-c", CLASSIFIER, SEEN=str(seen))

    def start(self, **environment: str) -> None:
        self.camera = self.edge.start("camera", "-m", "camera", **environment)

    @property
    def seen(self) -> list[list[Any]]:
        lines = self._seen.read_text().splitlines() if self._seen.exists() else []
        return [json.loads(line) for line in lines]

    async def until(self, state: str) -> dict[str, Any]:
        return await self.edge.reported("camera", lambda reported: reported.get("state") == state)

    async def until_seen(self, count: int) -> None:
        await eventually(lambda: len(self.seen) >= count)

    async def stop(self) -> str:
        assert self.camera is not None
        return await self.camera.stop()


@pytest.fixture
async def rig(loopback: str, tmp_path: Path) -> AsyncIterator[Rig]:
    routes = {
        "frames": route("camera", "frames", "classifier"),
        "credits": route("classifier", "credits", "camera"),
    }
    async with Edge(loopback, {"camera": {}, "classifier": {}}, routes) as edge:
        yield Rig(edge, tmp_path / "seen.jsonl")


async def test_a_data_set_arrives_whole_and_in_order_within_its_memory(rig: Rig, tmp_path: Path) -> None:
    labels = [random.Random(number).randrange(10) for number in range(300)]  # noqa: S311
    records = b"".join(record(label, number) for number, label in enumerate(labels))
    folder = write_folder(tmp_path / "data", binary_files() | {"test_batch.bin": records})
    rig.start(SOURCE=f"cifar10:{folder}", FRAMES="290")
    reported = await rig.until("finished")
    await rig.until_seen(290)
    assert rig.camera is not None
    assert rig.camera.memory_mb("VmHWM") < 100
    await asyncio.sleep(0.5)
    assert [(entry[2], entry[3]) for entry in rig.seen] == [
        (number, NAMES[label]) for number, label in enumerate(labels[:290])
    ]
    assert {entry[4] for entry in rig.seen} == {"image/png"}
    assert reported["frameCounts"]["sent"] == 290
    assert reported["frameCounts"]["withoutCredit"] == 0
    assert (reported["frames"]["value"], reported["frames"]["ac"]) == (290, 200)
    await rig.stop()


async def test_the_twin_changes_what_runs_and_refuses_what_is_wrong(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    rig.start(SOURCE="sample:", FPS="30")
    await rig.until("running")
    await rig.edge.desire("camera", {"format": "jpeg", "maximumSide": 24})
    async with asyncio.timeout(PATIENCE_S):
        while not rig.seen or rig.seen[-1][4] != "image/jpeg":
            await asyncio.sleep(0.05)
    await rig.edge.desire("camera", {"fps": "fast", "maximumSide": 12})
    reported = await rig.edge.reported("camera", lambda reported: reported["fps"]["ac"] == 400)
    assert reported["maximumSide"]["value"] == 24, "refused whole"
    await rig.edge.desire("camera", {"fps": None, "source": "rtsp://me:s3cret@127.0.0.1:9/x"})
    reported = await rig.until("no_signal")
    assert "Connection refused" in reported["lastError"]
    assert "s3cret" not in json.dumps(reported)
    await rig.edge.desire("camera", {"source": f"folder:{tmp_path}/in?follow=true", "sourceName": "inbox"})
    (tmp_path / "in" / "new.jpg").write_bytes(jpeg())
    async with asyncio.timeout(PATIENCE_S):
        while rig.seen[-1][0] != "inbox":
            await asyncio.sleep(0.05)
    assert rig.seen[-1][2] == 0, "another source begins at 0"
    text = await rig.stop()
    assert "s3cret" not in text


async def test_methods(rig: Rig) -> None:
    rig.start(SOURCE="sample:", FPS="20")
    await rig.until("running")
    await rig.until_seen(5)
    assert await rig.edge.call("camera", "pause", {}) == (200, {"state": "paused"})
    await rig.until("paused")
    await rig.edge.emptied()
    held = len(rig.seen)
    await asyncio.sleep(0.5)
    assert len(rig.seen) == held
    status, answer = await rig.edge.call("camera", "snapshot", {})
    assert status == 200
    assert Image.open(io.BytesIO(base64.b64decode(answer["image"]))).width == answer["width"]
    assert answer["sequence"] == held - 1
    assert await rig.edge.call("camera", "resume", {}) == (200, {"state": "running"})
    await rig.until_seen(held + 5)
    status, answer = await rig.edge.call("camera", "zoom", {})
    assert status == 404
    await rig.stop()


async def test_a_source_that_is_not_there_is_reported_and_the_process_stays(rig: Rig, tmp_path: Path) -> None:
    rig.start(SOURCE=f"folder:{tmp_path / 'later'}")
    reported = await rig.until("failed")
    assert "later: does not exist" in reported["lastError"]
    write_folder(tmp_path / "later", {"a.jpg": jpeg(), "b.jpg": jpeg(1)})
    await rig.until("finished")
    await rig.until_seen(2)
    await rig.stop()


async def test_a_hub_that_dies_costs_no_frame(rig: Rig, tmp_path: Path) -> None:
    pictures = {f"{number:03}.jpg": jpeg(number % 50) for number in range(200)}
    rig.start(SOURCE=f"folder:{write_folder(tmp_path / 'in', pictures)}", FPS="60")
    await rig.until_seen(40)
    await rig.edge.stop_hub(signal.SIGKILL)
    await rig.edge.start_hub()
    await rig.until("finished")
    await rig.until_seen(200)
    assert sorted({entry[2] for entry in rig.seen}) == list(range(200))
    await rig.stop()
