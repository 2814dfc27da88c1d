"""The module as a process: real SDK, real MQTT over TLS, the embedded runtime's hub."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from image_classifier.bundle import Bundle
from tests.classifier.edge import Edge, running_edge
from tests.image_classifier.tiny_model import Tiny, edit, encode, make_bundle, plain

COLOURS = {"blue": (10, 10, 250), "green": (10, 250, 10), "red": (250, 10, 10)}


@pytest.fixture
async def edge(loopback: str, tmp_path: Path) -> AsyncIterator[Edge]:
    (tmp_path / "state").mkdir()
    async with running_edge(loopback, tmp_path / "state") as started:
        yield started


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for name, colour in COLOURS.items():
        (folder / f"{name}.png").write_bytes(encode(plain(colour)))
    (folder / "truncated.png").write_bytes(encode(plain((1, 2, 3)))[:-5])
    return folder


def lines(path: Path) -> list[dict[str, Any]]:
    text = path.read_text("utf-8") if path.exists() else ""
    return [json.loads(line) for line in text.splitlines()]


async def written(path: Path, count: int) -> None:
    async with asyncio.timeout(20):
        for _ in iter(lambda: len(lines(path)) >= count, True):
            await asyncio.sleep(0.02)


async def reported(edge: Edge, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            section: dict[str, Any] = (await edge.control("GET", "/modules/classifier/twin"))["reported"]
            if wanted(section):
                return section
            await asyncio.sleep(0.1)


async def test_frames_become_predictions_in_order(
    edge: Edge, tiny_bundle: Bundle, images: Path, tmp_path: Path
) -> None:
    result = tmp_path / "result.jsonl"
    classifier = await edge.module("classifier", "classifier", MODEL=str(tiny_bundle.folder))
    feeder = await edge.module(
        "feeder", "tests.classifier.feeder", FRAMES="203", IMAGES=str(images), RESULT=str(result)
    )
    async with asyncio.timeout(60):
        assert await feeder.wait() == 0, edge.log("feeder") + edge.log("classifier")
    predictions = lines(result)
    assert [body["sequence"] for body in predictions] == list(range(203))
    names = [*sorted(COLOURS), "truncated"]
    for body in predictions:
        expected = names[body["sequence"] % 4]
        if expected == "truncated":
            assert body["error"]["code"] == "truncated"
            assert "top" not in body
        else:
            assert body["top"][0]["label"] == expected
        assert body["messageId"] == f"{body['frameId']}.p.{tiny_bundle.sha256[:8]}"
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", body["trace"]["traceparent"])
    rss_mb = int(re.findall(r"VmHWM:\s+(\d+)", Path(f"/proc/{classifier.pid}/status").read_text())[0]) / 1024
    assert rss_mb < 150
    classifier.terminate()
    async with asyncio.timeout(8):
        assert await classifier.wait() == 0, edge.log("classifier")


async def test_the_model_changes_live_and_a_bad_one_does_not(
    edge: Edge, tiny_bundle: Bundle, images: Path, tmp_path: Path
) -> None:
    result = tmp_path / "result.jsonl"
    other = make_bundle(tmp_path / "other", Tiny(softmax=False))
    broken = make_bundle(tmp_path / "broken", Tiny(outputs=4))
    edit(broken, "input", "colourOrder", value="BGR")
    await edge.module("classifier", "classifier", MODEL=str(tiny_bundle.folder))
    feeder = await edge.module(
        "feeder",
        "tests.classifier.feeder",
        FRAMES="600",
        INTERVAL_S="0.005",
        IMAGES=str(images),
        RESULT=str(result),
    )
    await written(result, 20)

    await edge.control("PATCH", "/modules/classifier/twin/desired", {"model": str(broken.folder), "topK": 1})
    section = await reported(edge, lambda r: r.get("model", {}).get("ac") == 400)
    assert section["modelInUse"]["name"] == "tiny"
    assert "gives other tensor bytes" in section["model"]["ad"]
    assert section["topK"]["ac"] == 400  # refused whole

    await edge.control(
        "PATCH", "/modules/classifier/twin/desired", {"model": str(other.folder), "topK": None}
    )
    section = await reported(edge, lambda r: r.get("modelInUse", {}).get("name") == "other")
    assert section["model"]["ac"] == 200
    assert section["modelInUse"] == {"name": "other", "version": "1.0.0", "sha256": other.sha256}

    async with asyncio.timeout(60):
        assert await feeder.wait() == 0, edge.log("feeder") + edge.log("classifier")
    predictions = lines(result)
    assert [body["sequence"] for body in predictions] == list(range(600))
    models = [body["model"]["name"] for body in predictions]
    assert set(models) == {"tiny", "other"}
    assert models == sorted(models, reverse=True)  # "tiny", then "other", never back


async def test_a_corrupt_model_at_start_is_one_clear_line(edge: Edge, tiny_bundle: Bundle) -> None:
    raw = tiny_bundle.model_path.read_bytes()
    tiny_bundle.model_path.write_bytes(raw[:500] + b"\xff" + raw[501:])
    classifier = await edge.module("classifier", "classifier", MODEL=str(tiny_bundle.folder))
    async with asyncio.timeout(20):
        assert await classifier.wait() == 2
    log = edge.log("classifier")
    assert (
        f"invalid environment: MODEL = '{tiny_bundle.folder}': {tiny_bundle.document_path}: sha256: " in log
    )
    assert "Traceback" not in log
