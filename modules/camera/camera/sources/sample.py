"""`sample:`: the drawn scenes that ship with the project, each held for some seconds, for ever."""

from __future__ import annotations

import json
import random
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path

from camera.picture import ImageFile, Picture
from camera.sources.source import SourceUnavailableError

SHIPPED = Path(__file__).parent.parent / "samples"
FPS = 5.0


@dataclass(slots=True, frozen=True)
class Scene:
    """One drawn picture and its class."""

    file: Path
    label: str


class SampleSource:
    """Every scene once in an order drawn from the seed, then every scene in another order, and so on."""

    live = False
    repeats = False
    natural_fps = FPS

    def __init__(
        self,
        scene_seconds: float,
        seed: int = 0,
        folder: Path = SHIPPED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._scene_seconds = scene_seconds
        self._seed = seed
        self._folder = folder
        self._clock = clock

    async def pictures(self) -> AsyncGenerator[Picture, None]:
        scenes = read_index(self._folder)
        order = random.Random(self._seed)  # noqa: S311 - the order of pictures is no secret
        while True:
            for scene in order.sample(scenes, len(scenes)):
                picture = ImageFile(_read(scene.file), scene.label)
                until = self._clock() + self._scene_seconds
                yield picture
                while self._clock() < until:
                    yield picture


def read_index(folder: Path) -> list[Scene]:
    """The scenes that `folder/index.json` lists."""
    index = folder / "index.json"
    try:
        entries = json.loads(index.read_text("utf-8"))["scenes"]
        scenes = [Scene(folder / Path(entry["file"]).name, str(entry["label"])) for entry in entries]
    except FileNotFoundError:
        raise SourceUnavailableError(
            f"sample: {index} is missing: this installation ships no sample frames"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceUnavailableError(f"sample: {index} cannot be understood: {error!r}") from None
    if not scenes:
        raise SourceUnavailableError(f"sample: {index} lists no scenes")
    return scenes


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SourceUnavailableError(f"sample: {file}: {error.strerror}") from None
