from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from camera.picture import Pixels
from camera.sources.source import SourceUnavailableError
from camera.sources.video import VideoSource
from tests.camera.fakes import Events, take


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Twelve frames: red, then green, then blue."""
    file = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 12.5, (64, 48))
    for bgr in ((0, 0, 255), (0, 255, 0), (255, 0, 0)):
        for _ in range(4):
            writer.write(np.full((48, 64, 3), bgr, np.uint8))
    writer.release()
    return file


async def test_frames_in_order_with_their_colours_right(clip: Path) -> None:
    source = VideoSource(clip, Events())
    pictures = await take(source)
    colours = []
    for picture in pictures:
        assert isinstance(picture, Pixels)
        assert (picture.width, picture.height) == (64, 48)
        colours.append("RGB"[max(range(3), key=lambda channel: picture.rgb[channel])])
    assert "".join(colours) == "RRRRGGGGBBBB"
    assert source.natural_fps == 12.5


async def test_a_cut_video_gives_what_is_there(tmp_path: Path) -> None:
    clip = tmp_path / "noise.avi"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 25, (160, 120))
    noise = np.random.default_rng(1)
    for _ in range(30):
        writer.write(noise.integers(0, 255, (120, 160, 3), np.uint8))
    writer.release()
    body = clip.read_bytes()
    clip.write_bytes(body[: len(body) // 2])
    pictures = await take(VideoSource(clip, Events()))
    assert 10 <= len(pictures) <= 20


def _written(path: Path, body: bytes) -> Path:
    path.write_bytes(body)
    return path


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda p: p / "nowhere.mp4", "does not exist"),
        (lambda p: p, "directory"),
        (lambda p: _written(p / "page.mp4", b"<html>"), "no frame in it can be decoded"),
        (lambda p: _written(p / "empty.mp4", b""), "no frame in it can be decoded"),
        # A path is a path: OpenCV would take these for a URL, a device or a pattern of file names.
        (lambda p: p / "http:" / "127.0.0.1" / "x.mp4", "does not exist"),
        (lambda p: Path("0"), "does not exist"),
        (lambda p: p / "img_%02d.jpg", "does not exist"),
    ],
)
async def test_what_is_no_video_is_named(tmp_path: Path, make: Callable[[Path], Path], part: str) -> None:
    with pytest.raises(SourceUnavailableError, match=part):
        await take(VideoSource(make(tmp_path), Events()))
