from __future__ import annotations

import base64
import io
import json

import pytest
from PIL import Image

from camera.encoding import Wish, encode
from camera.methods import CameraMethods
from camera.picture import ImageFile
from camera.status import State
from module_kit.methods import Methods
from tests.camera.fakes import Bench
from tests.camera.pictures import jpeg, noise, saved


def methods_of(bench: Bench) -> Methods:
    camera, methods = CameraMethods(bench.status, bench.frames), Methods()
    for name in ("pause", "resume", "snapshot"):
        methods.register(name, getattr(camera, name))
    return methods


async def test_pause_and_resume_answer_with_the_state() -> None:
    bench = Bench()
    bench.status.enter(State.RUNNING)
    methods = methods_of(bench)
    assert await methods.answer("pause", None) == (200, {"state": "paused"})
    assert await methods.answer("pause", {}) == (200, {"state": "paused"})
    assert bench.reports.states == ["running", "paused"]
    assert await methods.answer("resume", None) == (200, {"state": "running"})


async def test_pause_does_not_hide_a_failure() -> None:
    bench = Bench()
    bench.status.enter(State.NO_SIGNAL, "the cable is out")
    assert await methods_of(bench).answer("pause", None) == (200, {"state": "no_signal"})


async def test_a_snapshot_before_the_first_frame_is_refused() -> None:
    status, answer = await methods_of(Bench()).answer("snapshot", None)
    assert status == 409
    assert answer == {"message": "no frame was sent yet"}


@pytest.mark.parametrize("body", [jpeg(), saved(noise(420, 320), quality=95), saved(noise(280, 280), "PNG")])
async def test_a_snapshot_is_the_last_frame_and_fits_into_an_answer(body: bytes) -> None:
    bench = Bench()
    bench.frames.begin("door")
    await bench.frames.send(encode(ImageFile(body), Wish()), "cat", 1_000_000_000.0)
    status, answer = await methods_of(bench).answer("snapshot", None)
    assert status == 200
    assert len(json.dumps(answer)) < 128 * 1024
    image = Image.open(io.BytesIO(base64.b64decode(answer["image"])))
    image.load()
    assert (image.width, image.height) == (answer["width"], answer["height"])
    assert answer["contentType"] == f"image/{str(image.format).lower()}"
    assert answer["capturedAt"] == "2001-09-09T01:46:40.000Z"
    assert (answer["source"], answer["sequence"], answer["label"]) == ("door", 0, "cat")
    if len(body) < 90_000:
        assert base64.b64decode(answer["image"]) == body
