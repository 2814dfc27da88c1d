"""`Scoring` by a flight plan: one for each worker process, all of them on the same plan."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, Any, Self

from image_classifier.bundle import Bundle
from image_classifier.classifier import Classification, Refusal
from image_classifier.errors import InferenceError
from image_classifier.preprocess import ModelInput, ReadyTensor
from serving import vital
from serving.errors import BadRequestError, EndingError, OverloadedError, StuckError
from serving.flighting import metrics
from serving.flighting.bundles import check_all
from serving.flighting.conductor import RETRY_S, STEP_S, Conductor
from serving.flighting.flight import Flight, OpenableVersion, Versions
from serving.flighting.mirror import Mirror
from serving.flighting.plan import FlightPlan
from serving.flighting.state import Decided, FoundBundle, Report, StateFolder
from serving.flighting.status import status
from serving.metrics import count_results
from serving.scoring import Call, Result, Scored

logger = logging.getLogger(__name__)


class FlightedScoring:
    """The `Scoring` of a service that flies a plan.

    Args:
        plan: the plan file, watched by whichever worker conducts.
        state: the folder that all workers share, in which the first plan was decided before any of them began.
        make: the version of a bundle, not yet entered. It must refuse a model file with another sha256.
        check: proves the bundles of a new plan.
        clock: seconds, for when what could not be opened is tried again.
    """

    def __init__(
        self,
        plan: Path,
        state: StateFolder,
        make: Callable[[FoundBundle], Awaitable[OpenableVersion]],
        check: Callable[[FlightPlan], Mapping[str, FoundBundle]] = check_all,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan = plan
        self._state = state
        self._check = check
        self._clock = clock
        self._retry_at = 0.0
        self._versions = Versions(make)
        self._worker = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._at_work = state.at_work(self._worker)
        self._mirror = Mirror(self._at_work.with_candidate)
        self._draw = random.Random().randrange  # noqa: S311 - the share of a request without a key
        self._flight: Flight | None = None
        self._mark: tuple[int, int] | None = None
        self._reported: Report | None = None
        self._failed: str | None = None
        self._conductor: Conductor | None = None
        self._baton: IO[bytes] | None = None
        self._leaving = asyncio.Event()
        self._following: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._mark = self._state.decided_mark()
        # Without its candidates a worker answers all the same, and follows the plan that may mend them.
        flight = await Flight.open(self._state.decided(), self._versions, {}, whole=False)
        self._fly(flight)
        if flight.missing:
            told = "; ".join(f"variant {name}: {error}" for name, error in flight.missing.items())
            self._not_applied(f"revision {flight.revision}: {told}")
            logger.error("candidates cannot be opened, the primary answers for them: %s", told)
        self._report()
        self._baton = self._state.baton()
        # Before the first request: it may be one that ends this worker too, and nobody else may be there to decide.
        await self._step_if_possible()
        await self._step_if_possible()
        await self._mirror.__aenter__()
        self._following = vital.start(self._follow(), "follow the flight plan")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._leaving.set()
        if self._following:
            await self._following  # not cancelled: a thread of it may be deciding
        if self._baton:
            self._baton.close()  # another worker takes it up
        await self._mirror.__aexit__()
        if self._flight:
            self._report()
            self._flight.let_go()
            self._flight = None
        await self._versions.closed()
        self._at_work.close()

    @property
    def ready(self) -> bool:
        return self._flight is not None and all(v.ready for v in self._flight.versions.values())

    @property
    def flight(self) -> Flight:
        """What is flown now. Raises RuntimeError outside the context."""
        if self._flight is None:
            raise RuntimeError("no plan is flown before the context is entered and after it is left")
        return self._flight

    def status(self) -> dict[str, Any]:
        return status(self._state)

    def bundles(self) -> Sequence[Bundle]:
        return self.flight.served()

    def find(self, call: Call) -> Bundle:
        flight = self.flight
        return flight.versions[flight.first_for(call)].bundle

    def full(self) -> OverloadedError | None:
        """None: another version may have room, and which one is asked is in the request."""
        return None

    async def score(self, call: Call, pictures: Sequence[ModelInput]) -> Scored:
        flight = self.flight
        flight.hold()
        try:
            return await self._score(flight, call, pictures)
        finally:
            flight.let_go()

    async def _score(self, flight: Flight, call: Call, pictures: Sequence[ModelInput]) -> Scored:
        variant, primary = flight.variant_for(call, self._draw), flight.plan.primary
        rescued = flight.rescues(call, variant)
        reason = metrics.FAILED
        try:
            with self._with(flight, variant):
                scored = await _scored(flight, variant, pictures)
        except BadRequestError:
            raise
        except Exception as error:
            if not rescued:
                raise
            scored = None
            # Without room it has failed nothing: a healthy version refuses too where more comes than can be scored.
            reason = metrics.FULL if isinstance(error, OverloadedError) else metrics.FAILED
        if scored is None or (rescued and _failures(pictures, scored.results)):
            answered = await _scored(flight, primary, pictures)
            metrics.RESCUED.labels(variant, reason).inc()
            return answered
        if variant == primary:
            for picture, result in zip(pictures, scored.results, strict=True):
                if isinstance(result, Classification):
                    self._mirror.offer(flight, picture, result)
        return scored

    def _with(self, flight: Flight, variant: str) -> AbstractContextManager[None]:
        is_primary = variant == flight.plan.primary
        return nullcontext() if is_primary else self._at_work.with_candidate(flight.revision, variant)

    async def step(self) -> None:
        """Apply what was decided since, as a whole or not at all; report what was counted; conduct if nobody does."""
        mark = self._state.decided_mark()
        if mark != self._mark or (self._failed and self._clock() >= self._retry_at):
            await self._apply(self._state.decided())
            self._mark = mark
        self._report()
        if self._conductor is None and self._baton and _taken(self._baton):
            conductor = Conductor(self._plan, self._state, check=self._check)
            conductor.take_over()
            self._conductor = conductor
        if self._conductor:
            await asyncio.to_thread(self._conductor.step)

    async def _follow(self) -> None:
        while not self._leaving.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), STEP_S)
                return
            await self._step_if_possible()

    async def _step_if_possible(self) -> None:
        try:
            await self.step()
        except Exception:
            logger.exception("following the flight plan failed, and is tried again")

    async def _apply(self, decided: Decided) -> None:
        flight = self.flight
        same = decided.revision == flight.revision
        if same and not flight.missing and frozenset(decided.rolled_back) == flight.rolled_back:
            return  # only what was refused has changed
        try:
            following = await Flight.open(decided, self._versions, flight.tallies if same else {})
        except Exception as error:
            self._not_applied(f"revision {decided.revision}: {error}")
            logger.exception("flight plan not applied, revision %d goes on", flight.revision)
            await self._take_back(flight, decided)
            return
        self._failed = None
        self._fly(following)

    def _not_applied(self, why: str) -> None:
        self._failed, self._retry_at = why, self._clock() + RETRY_S
        metrics.PLANS.labels("not_applied").inc()

    async def _take_back(self, flight: Flight, decided: Decided) -> None:
        """Candidates of a decision that cannot be opened, as far as they fly in this one too. Opens nothing."""
        back = {
            name: verdict
            for name, verdict in decided.rolled_back.items()
            if name in flight.versions
            and name != flight.plan.primary
            and flight.bundles[name] == decided.bundles[name]
        }
        if back:
            rolled_back = {**flight.decided.rolled_back, **back}
            without = flight.decided.model_copy(update={"rolled_back": rolled_back})
            self._fly(await Flight.open(without, self._versions, flight.tallies, whole=False))

    def _fly(self, following: Flight) -> None:
        over, self._flight = self._flight, following
        if over:
            self._mirror.forget(over)
            for name, bundle in over.bundles.items():
                metrics.SHARE.labels(name, bundle.version).set(0)
            over.let_go()
        for name, bundle in following.bundles.items():
            metrics.SHARE.labels(name, bundle.version).set(following.share_percent(name))
        metrics.REVISION.set(following.revision)

    def _report(self) -> None:
        flight = self.flight
        report = Report(
            worker=self._worker,
            pid=os.getpid(),
            revision=flight.revision,
            rolled_back=sorted(flight.rolled_back),
            tallies=dict(flight.tallies),
            failed=self._failed,
        )
        if report != self._reported:
            self._state.report(report)
            self._reported = report


async def _scored(flight: Flight, variant: str, pictures: Sequence[ModelInput]) -> Scored:
    version = flight.versions[variant]
    began = time.perf_counter()
    try:
        results = await version.score(pictures)
    except (OverloadedError, BadRequestError, EndingError):
        raise
    except Exception as error:
        flight.count(variant, failed=len(pictures))
        if variant == flight.plan.primary and isinstance(error, StuckError):
            vital.failed("the primary's model hangs", error)
        raise
    count_results(version.bundle, results, time.perf_counter() - began)
    answered = sum(isinstance(result, Classification) for result in results)
    flight.count(variant, answered=answered, failed=_failures(pictures, results))
    return Scored(version.bundle, results)


def _failures(pictures: Sequence[ModelInput], results: Sequence[Result]) -> int:
    """How many were the version's fault; a bad picture, and a tensor that the client made, are the client's."""
    return sum(
        isinstance(result, Refusal)
        and isinstance(result.error, InferenceError)
        and not isinstance(picture, ReadyTensor)
        for picture, result in zip(pictures, results, strict=True)
    )


def _taken(baton: IO[bytes]) -> bool:
    try:
        fcntl.flock(baton, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
