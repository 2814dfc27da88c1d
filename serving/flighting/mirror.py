"""Mirror traffic: what the primary answered is asked of a candidate as well, later, and only compared.

Nothing here can reach a request: `offer` never waits, the queue is bounded in number and bytes, one task works it off
picture by picture, and rests nine times as long as the candidate took, so that mirroring costs at most a tenth
of a core in each worker however much traffic there is. What does not fit is dropped and counted with its reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Self

from image_classifier.classifier import Classification
from image_classifier.preprocess import ModelInput, Picture, ReadyTensor
from serving import vital
from serving.errors import BadRequestError, OverloadedError
from serving.flighting import metrics
from serving.flighting.comparison import Comparison, compare
from serving.flighting.flight import Flight
from serving.flighting.tally import Tally

MAX_JOBS = 64
MAX_BYTES = 8 << 20
SHARE_OF_A_CORE = 0.1

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    flight: Flight
    variant: str
    picture: Picture
    answer: Classification

    @property
    def size(self) -> int:
        return len(self.picture) if isinstance(self.picture, bytes) else self.picture.nbytes


class Mirror:
    """The mirror of one worker. An asynchronous context; its end drops what waits.

    with_candidate: entered, with the plan's revision and the candidate's name, while the candidate is asked.
    """

    def __init__(
        self,
        with_candidate: Callable[[int, str], AbstractContextManager[None]] = lambda *_: nullcontext(),
        *,
        max_jobs: int = MAX_JOBS,
        max_bytes: int = MAX_BYTES,
        share_of_a_core: float = SHARE_OF_A_CORE,
    ) -> None:
        self._with_candidate = with_candidate
        self._max_jobs, self._max_bytes = max_jobs, max_bytes
        self._rest = 1 / share_of_a_core - 1
        self._jobs: deque[_Job] = deque()
        self._bytes = 0
        self._carried = 0.0
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = vital.start(self._work(), "mirror")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._drop("stopped", list(self._jobs))

    def offer(self, flight: Flight, picture: ModelInput, answer: Classification) -> None:
        """Mirror this one if it is its turn: of what is offered the plan's percentage is taken, evenly.

        What a client has made for the primary's input is left out where the candidate's may be another: tensors,
        and pixels unless both models take pictures of one size.
        """
        mirror = flight.plan.mirror
        if mirror is None or mirror.variant not in flight.versions or isinstance(picture, ReadyTensor):
            return
        candidate = flight.versions[mirror.variant].bundle
        if not isinstance(picture, bytes) and picture.shape != candidate.input.shape[1:]:
            return
        self._carried += mirror.percent / 100
        if self._carried < 1:
            return
        self._carried -= 1
        job = _Job(flight, mirror.variant, picture, answer)
        if len(self._jobs) >= self._max_jobs:
            metrics.MIRROR_DROPPED.labels(mirror.variant, "queue_full").inc()
        elif self._bytes + job.size > self._max_bytes:
            metrics.MIRROR_DROPPED.labels(mirror.variant, "bytes_full").inc()
        else:
            if not isinstance(picture, bytes):  # a view that would keep the array of its whole request
                job = replace(job, picture=picture.copy())
            flight.hold()
            self._jobs.append(job)
            self._bytes += job.size
            self._arrived.set()

    def forget(self, flight: Flight) -> None:
        """Drop what waits for a flight that is over, so that its versions go."""
        self._drop("plan_changed", [job for job in self._jobs if job.flight is flight])

    def _drop(self, reason: str, jobs: list[_Job]) -> None:
        for job in jobs:
            self._jobs.remove(job)
            self._bytes -= job.size
            metrics.MIRROR_DROPPED.labels(job.variant, reason).inc()
            job.flight.let_go()

    async def _work(self) -> None:
        while True:
            await self._arrived.wait()
            if not self._jobs:
                self._arrived.clear()
                continue
            job = self._jobs.popleft()
            self._bytes -= job.size
            began = time.perf_counter()
            try:
                await self._ask(job)
            finally:
                job.flight.let_go()
            took = time.perf_counter() - began
            del job  # while this task rests it must not keep a flight that is over
            await asyncio.sleep(took * self._rest)

    async def _ask(self, job: _Job) -> None:
        try:
            with self._with_candidate(job.flight.revision, job.variant):
                (result,) = await job.flight.versions[job.variant].score([job.picture])
        except OverloadedError:
            metrics.MIRROR_DROPPED.labels(job.variant, "candidate_full").inc()
        except BadRequestError:  # it says so of what was asked, not of itself
            metrics.MIRROR_DROPPED.labels(job.variant, "no_input").inc()
        except Exception as error:  # noqa: BLE001 - the candidate's, whatever it is: the primary has answered this picture
            self._count(job, None, repr(error))
        else:
            if isinstance(result, Classification):
                self._count(job, compare(_scores(job.answer), _scores(result)))
            else:
                self._count(job, None, repr(result.error))

    def _count(self, job: _Job, comparison: Comparison | None, failure: str = "") -> None:
        tallies, labels = job.flight.tallies, (job.variant, job.flight.bundles[job.variant].version)
        if comparison is None:
            if not tallies[job.variant].failed:  # the counters know of the others
                logger.warning("%s fails a picture that the primary answered: %s", job.variant, failure)
            tallies[job.variant] += Tally(failed=1)
            metrics.MIRRORED.labels(*labels, "failed").inc()
            return
        disagreed = 0 if comparison.agreed else 1
        tallies[job.variant] += Tally(
            answered=1, compared=1, disagreed=disagreed, distance=comparison.distance
        )
        metrics.MIRRORED.labels(*labels, "disagreed" if disagreed else "agreed").inc()
        metrics.SCORE_DISTANCE.labels(*labels).observe(comparison.distance)


def _scores(answer: Classification) -> Mapping[str, float]:
    return {candidate.label: candidate.probability for candidate in answer.top}
