"""`python -m tests.serving.flighting.deadly FOLDER mirrored|asked`: a worker whose candidate `v1` ends it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Never

from image_classifier.preprocess import ModelInput
from serving.flighting.scoring import FlightedScoring
from serving.flighting.state import FoundBundle, StateFolder
from serving.scoring import Call
from tests.serving.flighting.documents import found
from tests.serving.flighting.fakes import FakeVersion


class Deadly(FakeVersion):
    async def score(self, pictures: Sequence[ModelInput]) -> Never:
        # As a fault in native code does: nothing of Python runs any more.
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError(pictures)


async def make(bundle: FoundBundle) -> FakeVersion:
    return Deadly(bundle) if bundle.name == "bundle1" else FakeVersion(bundle)


async def main(folder: Path, way: str) -> None:
    async with FlightedScoring(folder / "flight.json", StateFolder(folder), make, found) as scoring:
        while "v1" in scoring.flight.versions:
            call = Call("score", override="v1" if way == "asked" else "v0")
            await scoring.score(call, [b"picture"])
            await asyncio.sleep(0.01)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
