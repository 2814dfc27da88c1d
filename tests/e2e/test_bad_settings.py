"""Wrong settings of the modules: refused with their message, in sight, and the good ones stay."""

from __future__ import annotations

import shutil
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.data import random_records
from tests.e2e.conftest import StartDevice
from tests.e2e.demo import run_demo
from tests.e2e.device import ROOT
from tests.patience import wait_for

BUNDLES = ROOT / "libs" / "image_classifier" / "bundles"
LARGEST_FRAME = 248 * 1024


def test_a_twin_patch_with_a_wrong_type(device: StartDevice) -> None:
    running = device(None, CAMERA_SOURCE="sample:", CAMERA_FPS="5").up()

    def fps(ac: int) -> dict[str, Any] | None:
        reported: dict[str, Any] = running.twin("camera").get("fps", {})
        return reported if reported.get("ac") == ac else None

    wait_for(lambda: fps(200), "the first acknowledgement")
    assert running.command("twin", "camera", "--patch", '{"fps": 7}').returncode == 0
    wait_for(lambda: (fps(200) or {}).get("value") == 7, "7 frames a second")
    assert running.command("twin", "camera", "--patch", '{"fps": "x", "maximumSide": 64}').returncode == 0
    refused = wait_for(lambda: fps(400), "the refusal")
    assert refused["value"] == 7
    assert "number" in refused["ad"]
    # Refused whole.
    assert running.twin("camera")["maximumSide"]["ac"] == 400
    assert running.twin("camera")["maximumSide"]["value"] != 64
    with running.feed("stored") as feed:
        feed.stored("frames")
    assert running.command("twin", "camera", "--patch", '{"fps": null, "maximumSide": null}').returncode == 0
    wait_for(lambda: (fps(200) or {}).get("value") == 5, "the environment's value again")


def test_a_source_that_does_not_exist(short: Path, loopback: str) -> None:
    done, report = run_demo(short, loopback, "--source", "folder:/nowhere/at/all")
    assert done.returncode == 1
    assert "scripts/demo: " in done.stderr
    assert "/nowhere/at/all" in done.stderr
    assert "Traceback" not in done.stderr
    assert report == {}


def bundle(folder: Path) -> Path:
    """A copy of the bundle that ships with the project."""
    shipped = next(path for path in sorted(BUNDLES.iterdir()) if (path / "bundle.json").exists())
    return shutil.copytree(shipped, folder / "model")


@pytest.mark.parametrize("spoil", ["flipped byte", "cut short"])
def test_a_corrupt_model_file(device: StartDevice, short: Path, spoil: str) -> None:
    model = next(bundle(short).glob("*.tflite"))
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 0xFF
    model.write_bytes(content if spoil == "flipped byte" else content[: len(content) // 2])
    running = device(None, CAMERA_SOURCE="sample:", CLASSIFIER_MODEL=str(model.parent)).up()

    def state() -> Any:
        modules = running.twin("$edgeAgent").get("modules", {})
        return modules.get("classifier", {}).get("runtimeStatus") == "backoff" and modules

    modules = wait_for(state, "the classifier in back-off")
    assert modules["classifier"]["exitCode"] == 2
    assert modules["camera"]["runtimeStatus"] == "running"
    log = running.log("classifier")
    assert "invalid environment: MODEL" in log
    assert model.name in log
    assert "sha256" in log
    assert "Traceback" not in log


def test_a_model_that_is_refused_live_leaves_the_old_one_at_work(device: StartDevice, short: Path) -> None:
    model = next(bundle(short).glob("*.tflite"))
    model.write_bytes(model.read_bytes()[:-100])
    running = device(None, CAMERA_SOURCE="sample:", CAMERA_FPS="5").up()
    with running.feed("stored") as feed:
        before = feed.stored("predictions")
        patch = f'{{"model": "{model.parent}"}}'
        assert running.command("twin", "classifier", "--patch", patch).returncode == 0
        wait_for(lambda: running.twin("classifier").get("model", {}).get("ac") == 400, "the refusal")
        list(feed.taken())
        after = feed.stored("predictions")
    assert _model(after) == _model(before)


def _model(stored: dict[str, Any]) -> str:
    return str(stored["sys"]["messageId"]).rpartition(".p.")[2]


def test_bad_pictures_are_counted_and_harm_nobody(short: Path, loopback: str) -> None:
    pictures = short / "pictures" / "cat"
    pictures.mkdir(parents=True)
    noise = Image.frombytes("RGB", (1900, 1800), random_records(3350)[: 1900 * 1800 * 3])
    noise.save(pictures / "1-large.png")
    noise.resize((64, 64)).save(pictures / "2-good.jpg")
    (pictures / "3-cut.jpg").write_bytes((pictures / "2-good.jpg").read_bytes()[:600])
    (pictures / "4-bomb.png").write_bytes(bomb())
    noise.resize((32, 32)).save(pictures / "5-good.png")
    assert (pictures / "1-large.png").stat().st_size > 10_000_000
    done, report = run_demo(short, loopback, "--source", f"folder:{pictures.parent}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert report["lost"] == 0
    assert report["frames_sent"] == report["predictions"]
    # The two good ones and the large one, which the camera made smaller than the hub's limit.
    assert report["predictions"] - report["prediction_errors"] == 3
    assert report["dropped"] == {}


def bomb() -> bytes:
    """A PNG of a few bytes whose header promises 60,000 x 60,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(100_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
