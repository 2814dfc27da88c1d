"""The first decision, before any worker is there, and what each worker flies from."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from image_classifier.bundle import Bundle, load_bundle
from image_classifier.errors import BundleError
from serving.flighting.conductor import Conductor
from serving.flighting.scoring import FlightedScoring
from serving.flighting.state import FoundBundle, StateFolder
from serving.scoring import BatchedVersion
from serving.settings import Settings


@dataclass(frozen=True, slots=True)
class Flights:
    """A plan file whose first plan was accepted, and the folder that the workers share."""

    plan: Path
    state: StateFolder

    @property
    def primary(self) -> Bundle:
        decided = self.state.decided()
        return loaded(decided.bundles[decided.plan.primary])

    def scoring(self, settings: Settings) -> FlightedScoring:
        """What answers the requests of one worker."""

        def opened(found: FoundBundle) -> BatchedVersion:
            return BatchedVersion(loaded(found), settings.batching, settings.decoding)

        async def make(found: FoundBundle) -> BatchedVersion:
            return await asyncio.to_thread(opened, found)

        return FlightedScoring(self.plan, self.state, make)


@contextmanager
def begin(plan: Path) -> Iterator[Flights]:
    """Accept the plan of a file; the folder of its state goes with the context. Starts no thread.

    Raises:
        PlanError: the plan is refused.
    """
    with tempfile.TemporaryDirectory(prefix="serving-flight-") as folder:
        state = StateFolder(Path(folder))
        Conductor(plan, state).start()
        yield Flights(plan, state)


def loaded(found: FoundBundle) -> Bundle:
    """The bundle that was proven, and no other that may lie in its folder by now.

    Raises:
        BundleError: it cannot be loaded, or it is another one.
    """
    bundle = load_bundle(found.folder)
    for field, expected in (("name", found.name), ("version", found.version), ("sha256", found.sha256)):
        actual = getattr(bundle, field)
        if actual != expected:
            raise BundleError(
                bundle.document_path,
                "not the bundle that was proven for the plan; give a new one a new folder",
                field=field,
                expected=expected,
                actual=actual,
            )
    return bundle
