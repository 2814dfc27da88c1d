"""The module as a process: real SDK, real MQTT over TLS, the embedded runtime's hub."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from image_classifier.bundle import Bundle
from tests.edge.edge import Edge
from tests.edge.manifest import route
from tests.image_classifier.tiny_model import Tiny, edit, encode, make_bundle, plain
from tests.patience import eventually

FEEDER = ("-m", "tests.classifier.feeder")
COLOURS = {"blue": (10, 10, 250), "green": (10, 250, 10), "red": (250, 10, 10)}


@pytest.fixture
async def edge(loopback: str) -> AsyncIterator[Edge]:
    routes = {
        "frames": route("feeder", "frames", "classifier"),
        "predictions": route("classifier", "predictions", "feeder"),
        "credits": route("classifier", "credits", "feeder"),
    }
    async with Edge(loopback, {"feeder": {}, "classifier": {}}, routes) as edge:
        yield edge


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


async def test_frames_become_predictions_in_order(
    edge: Edge, tiny_bundle: Bundle, images: Path, tmp_path: Path
) -> None:
    result = tmp_path / "result.jsonl"
    classifier = edge.start("classifier", "-m", "classifier", MODEL=str(tiny_bundle.folder))
    feeder = edge.start("feeder", *FEEDER, FRAMES="203", IMAGES=str(images), RESULT=str(result))
    await feeder.ended()
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
    assert classifier.memory_mb("VmHWM") < 150
    await classifier.stop()


async def test_the_model_changes_live_and_a_bad_one_does_not(
    edge: Edge, tiny_bundle: Bundle, images: Path, tmp_path: Path
) -> None:
    result = tmp_path / "result.jsonl"
    other = make_bundle(tmp_path / "other", Tiny(softmax=False))
    broken = make_bundle(tmp_path / "broken", Tiny(outputs=4))
    edit(broken, "input", "colourOrder", value="BGR")
    edge.start("classifier", "-m", "classifier", MODEL=str(tiny_bundle.folder))
    feeder = edge.start(
        "feeder", *FEEDER, FRAMES="600", INTERVAL_S="0.005", IMAGES=str(images), RESULT=str(result)
    )
    await eventually(lambda: len(lines(result)) >= 20)

    await edge.desire("classifier", {"model": str(broken.folder), "topK": 1})
    section = await edge.reported("classifier", lambda r: r.get("model", {}).get("ac") == 400)
    assert section["modelInUse"]["name"] == "tiny"
    assert "gives other tensor bytes" in section["model"]["ad"]
    assert section["topK"]["ac"] == 400  # refused whole

    await edge.desire("classifier", {"model": str(other.folder), "topK": None})
    section = await edge.reported("classifier", lambda r: r.get("modelInUse", {}).get("name") == "other")
    assert section["model"]["ac"] == 200
    assert section["modelInUse"] == {"name": "other", "version": "1.0.0", "sha256": other.sha256}

    await feeder.ended()
    predictions = lines(result)
    assert [body["sequence"] for body in predictions] == list(range(600))
    models = [body["model"]["name"] for body in predictions]
    assert set(models) == {"tiny", "other"}
    assert models == sorted(models, reverse=True)  # "tiny", then "other", never back


async def test_a_corrupt_model_at_start_is_one_clear_line(edge: Edge, tiny_bundle: Bundle) -> None:
    raw = tiny_bundle.model_path.read_bytes()
    tiny_bundle.model_path.write_bytes(raw[:500] + b"\xff" + raw[501:])
    classifier = edge.start("classifier", "-m", "classifier", MODEL=str(tiny_bundle.folder))
    log = await classifier.ended(code=2)
    assert (
        f"invalid environment: MODEL = '{tiny_bundle.folder}': {tiny_bundle.document_path}: sha256: " in log
    )
    assert "Traceback" not in log
