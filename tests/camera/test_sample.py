from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path

import pytest

from camera.encoding import Wish, encode
from camera.picture import ImageFile
from camera.sources.sample import SampleSource, read_index
from camera.sources.source import SourceUnavailableError
from tests.camera.fakes import take
from tests.camera.pictures import NAMES, png, write_folder


class Clock:
    """A second passes with each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {f"{name}-{i}.png": png(i) for name in NAMES[:3] for i in range(2)}
    scenes = [{"file": name, "label": name.split("-")[0]} for name in files]
    return write_folder(tmp_path, files | {"index.json": json.dumps({"seed": 1, "scenes": scenes}).encode()})


async def test_each_scene_is_held(folder: Path) -> None:
    pictures = await take(SampleSource(5, folder=folder, clock=Clock()), 30)
    runs = [(label, len(list(group))) for label, group in itertools.groupby(id(p) for p in pictures)]
    assert [length for _, length in runs] == [5] * 6


async def test_every_scene_comes_before_one_comes_again(folder: Path) -> None:
    pictures = await take(SampleSource(1, folder=folder, clock=Clock()), 12)
    for half in (pictures[:6], pictures[6:]):
        assert Counter(p.label for p in half) == dict.fromkeys(NAMES[:3], 2)


async def test_the_seed_decides_the_order(folder: Path) -> None:
    async def order(seed: int) -> list[str | None]:
        return [p.label for p in await take(SampleSource(1, seed, folder, Clock()), 30)]

    assert await order(1) == await order(1)
    assert await order(1) != await order(2)


@pytest.mark.parametrize(
    ("index", "part"),
    [
        (None, "ships no sample frames"),
        ("{", "cannot be understood"),
        ("[]", "cannot be understood"),
        ('{"scenes": [{"label": "cat"}]}', "cannot be understood"),
        ('{"scenes": []}', "lists no scenes"),
        ('{"scenes": [{"file": "gone.png", "label": "cat"}]}', "No such file"),
        ('{"scenes": [{"file": "../secret.png", "label": "cat"}]}', "No such file"),
    ],
)
async def test_broken_scenes_are_named(tmp_path: Path, index: str | None, part: str) -> None:
    (tmp_path / "secret.png").write_bytes(png())
    folder = tmp_path / "samples"
    folder.mkdir()
    if index is not None:
        (folder / "index.json").write_text(index)
    with pytest.raises(SourceUnavailableError, match=part):
        await take(SampleSource(1, folder=folder), 1)


def test_what_ships_is_whole() -> None:
    scenes = read_index(SampleSource(1)._folder)
    assert {scene.label for scene in scenes} == set(NAMES)
    for scene in scenes:
        body = scene.file.read_bytes()
        assert encode(ImageFile(body), Wish()).image is body
