"""A version that answers what a test wants, and a place that opens such versions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from image_classifier.bundle import Bundle, InputSpec, Quantization
from image_classifier.classifier import Candidate, Classification, Refusal, Timings
from image_classifier.errors import BadImageError, BadImageReason, InferenceError
from image_classifier.preprocess import ModelInput
from serving.errors import BadContentError, OverloadedError, StuckError
from serving.flighting.state import FoundBundle

BAD_PICTURE = b"bad"
SIDE = 4
"""Of the square pictures that a version takes, in pixels."""
NO_TIME = Timings(0.0, 0.0)


def classification(label: str, probability: float = 0.9) -> Classification:
    other = "dog" if label == "cat" else "cat"
    top = (Candidate(label, probability), Candidate(other, 1 - probability))
    return Classification(top, abstained=False, reason=None, timings=NO_TIME)


class FakeVersion:
    """Answers `label` to every picture, as `behaviour` says: `answers`, `refuses`, `raises`, `full`, `hangs`, `waits`,
    `other_size` (refuses the pictures as no input of its own)."""

    def __init__(self, found: FoundBundle, label: str = "cat", behaviour: str = "answers") -> None:
        nothing: dict[str, Any] = dict.fromkeys(Bundle.__slots__)
        self.bundle = Bundle(
            **nothing
            | {
                "folder": Path(found.folder),
                "name": found.name,
                "version": found.version,
                "labels": ("cat", "dog"),
                "input": InputSpec(
                    shape=(1, SIDE, SIDE, 3),
                    dtype="int8",
                    quantization=Quantization(1 / 255, -128),
                    colour_order="rgb",
                    resize_rule="stretch",
                    interpolation="area",
                    mean=(0.0, 0.0, 0.0),
                    standard_deviation=(255.0, 255.0, 255.0),
                ),
            }
        )
        self.label = label
        self.behaviour = behaviour
        self.asked: list[ModelInput] = []
        self.open = False
        self.left = 0
        self.go_on = asyncio.Event()

    @property
    def ready(self) -> bool:
        return self.open

    async def __aenter__(self) -> Self:
        self.open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self.open = False
        self.left += 1

    async def score(self, pictures: Sequence[ModelInput]) -> list[Classification | Refusal]:
        assert self.open, "asked while it is not open"
        self.asked += pictures
        if self.behaviour == "full":
            raise OverloadedError("no room", 0.1)
        if self.behaviour == "other_size":
            raise BadContentError("expected another size")
        if self.behaviour == "hangs":
            raise StuckError("does not come back")
        if self.behaviour == "raises":
            raise RuntimeError("out of luck")
        if self.behaviour == "waits":
            await self.go_on.wait()
            assert self.open, "closed while a request was under way"
        return [self._result(picture) for picture in pictures]

    def _result(self, picture: ModelInput) -> Classification | Refusal:
        if picture is BAD_PICTURE:
            return Refusal(BadImageError(BadImageReason.CORRUPT, "no picture"), NO_TIME)
        if self.behaviour == "refuses":
            return Refusal(InferenceError("no score"), NO_TIME)
        return classification(self.label)


class Hangar:
    """Opens `FakeVersion`s by their folder's name and remembers them; a name in `broken` cannot be opened."""

    def __init__(self, **behaviours: str) -> None:
        self.behaviours = behaviours
        self.labels: dict[str, str] = {}
        self.broken: set[str] = set()
        self.versions: dict[str, FakeVersion] = {}
        self.made: list[str] = []

    async def make(self, found: FoundBundle) -> FakeVersion:
        name = found.folder.name
        if name in self.broken:
            raise MemoryError(f"no room for {name}")
        self.made.append(name)
        version = FakeVersion(found, self.labels.get(name, "cat"), self.behaviours.get(name, "answers"))
        self.versions[name] = version
        return version
