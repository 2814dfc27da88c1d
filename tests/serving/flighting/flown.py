"""A service with workers that fly a plan, for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from image_classifier.classifier import Classification
from serving.flighting.conductor import Conductor
from serving.flighting.scoring import FlightedScoring
from serving.flighting.state import StateFolder
from serving.scoring import Call, Scored
from tests.serving.flighting.documents import document, found
from tests.serving.flighting.fakes import Hangar

ANY = Call("score")
CANDIDATE = Call("score", override="v1")
BOUNDS = {"errorRate": 0.1, "minimumCount": 20}


class Service:
    """What the workers of a service share."""

    def __init__(self, folder: Path, *percents: float, **more: Any) -> None:
        self.now = 0.0
        self.file = folder / "flight.json"
        self.state = StateFolder(folder)
        self.write(*percents, **more)
        Conductor(self.file, self.state, check=found).start()

    def write(self, *percents: float, **more: Any) -> None:
        self.file.write_text(json.dumps(document(*percents, **more)))

    def worker(self, hangar: Hangar) -> FlightedScoring:
        return FlightedScoring(self.file, self.state, hangar.make, found, lambda: self.now)


def label(scored: Scored) -> str:
    (result,) = scored.results
    assert isinstance(result, Classification)
    return result.top[0].label
