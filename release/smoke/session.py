"""One smoke test: settings in, pictures through, labels upstream, settings back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from release.smoke import settings
from release.smoke.errors import NotPossibleError
from release.smoke.interruption import Interruption
from release.smoke.known import KnownPictures
from release.smoke.readers import Reader
from release.smoke.settings import CAMERA, FILTER, Change
from release.smoke.twins import ModuleTwins
from release.smoke.verdict import Tally, Verdict

_POLL_S = 1.0
_RESTORE_ATTEMPTS = 5
_ALLOWANCE = timedelta(minutes=2)
"""What a test may take beside the three waits that `timeout_s` bounds."""

_MODULES = (CAMERA, "classifier", FILTER)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a test."""

    run: str
    verdicts: tuple[Verdict, ...]
    models: tuple[str, ...]
    others: int
    first_s: float | None
    seconds: float
    remarks: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return all(verdict.outcome.value == "right" for verdict in self.verdicts)


@dataclass(slots=True)
class Session:
    """Of one device.

    Attributes:
        fps: pictures a second.
        timeout_s: how long the settings may take to be acknowledged, and the labels to come.
    """

    twins: ModuleTwins
    reader: Reader
    pictures: KnownPictures
    interruption: Interruption
    say: Say
    fps: float
    timeout_s: float
    run: str = field(default_factory=lambda: uuid4().hex[:8])

    def test(self) -> Result:
        """Raises NotPossibleError, NotRestoredError. Whatever happens, the settings go back."""
        self._clear()
        with self.reader, self._restored():
            began = time.monotonic()
            self._change(FILTER, settings.filter_settings())
            seed = int(self.run, 16) % 10**9
            self._change(
                CAMERA, settings.camera_settings(self.source, seed, self.pictures.drawings, self.fps)
            )
            return self._listen(began)

    @property
    def source(self) -> str:
        """The `source` that the frames of this run bear."""
        return f"smoke-{self.run}"

    def _clear(self) -> None:
        for module in (CAMERA, FILTER):
            twin = self.twins.read(module)
            if settings.left_behind(twin, datetime.now(UTC)):
                settings.restore(self.twins, module)
                self.say(f"{module}: the settings of an earlier smoke test that was killed are undone")
            else:
                settings.refuse_if_under_way(twin, datetime.now(UTC), self.twins.device, module)

    @contextmanager
    def _restored(self) -> Iterator[None]:
        try:
            yield
        finally:
            with self.interruption.held_back():
                self._restore()

    def _restore(self) -> None:
        done = settings.restore_all(
            self.twins, self.run, attempts=_RESTORE_ATTEMPTS, pause=lambda: time.sleep(_POLL_S)
        )
        if done:
            self.say(f"restored: the settings of {' and '.join(done)}")

    def _change(self, module: str, wanted: Mapping[str, Any]) -> None:
        lasts = timedelta(seconds=3 * self.timeout_s) + _ALLOWANCE
        # A request that is left half way may still be carried out after what is to undo it.
        with self.interruption.held_back():
            change = settings.apply(self.twins, module, wanted, self.run, lasts)
        self._settle(change)

    def _settle(self, change: Change) -> None:
        self.say(f"{change.module}: waiting until it has taken the test's settings")
        deadline = time.monotonic() + self.timeout_s
        while True:
            reported = self.twins.read(change.module)["reported"]
            if settings.acknowledged(reported, change):
                return
            if time.monotonic() > deadline:
                raise NotPossibleError(
                    f"{change.module} has not taken the settings within {self.timeout_s:g} s; "
                    f"{'; '.join(self._remarks())}"
                )
            time.sleep(_POLL_S)

    def _listen(self, began: float) -> Result:
        tally = Tally(self.pictures.known, self.source)
        first_s: float | None = None
        deadline = time.monotonic() + self.timeout_s
        while not tally.complete and (left := deadline - time.monotonic()) > 0:
            arrival = self.reader.next(min(left, _POLL_S))
            if arrival is None:
                continue
            before = tally.arrived
            tally.take(arrival)
            if tally.arrived > before:
                first_s = first_s or time.monotonic() - began
                self.say(f"upstream: {tally.arrived} of {len(self.pictures.known)} known pictures")
        remarks = () if tally.complete else self._remarks()
        return Result(
            self.run,
            tally.verdicts(),
            tally.models,
            tally.others,
            first_s,
            time.monotonic() - began,
            remarks,
        )

    def _remarks(self) -> tuple[str, ...]:
        """What the device itself says that may explain why nothing comes."""
        try:
            agent = self.twins.read("$edgeAgent")["reported"]
            camera, results_filter = (self.twins.read(m)["reported"] for m in (CAMERA, FILTER))
        except NotPossibleError as error:
            return (str(error),)
        budget = f"budget of results_filter: {results_filter.get('upstreamBudget')}"
        return (*_states(agent), *_camera(camera), budget)


def _states(agent: Mapping[str, Any]) -> Iterator[str]:
    status = agent.get("lastDesiredStatus") or {}
    if status.get("code", 200) != 200:
        yield f"$edgeAgent: the deployment is {status.get('code')}: {status.get('description')}"
    modules = agent.get("modules") or {}
    yield from (f"{name} is not deployed" for name in _MODULES if name not in modules)
    for name, module in sorted(modules.items()):
        said = module.get("statusDescription")
        yield f"{name} is {module.get('runtimeStatus', 'unknown')}" + (f" ({said})" if said else "")


def _camera(reported: Mapping[str, Any]) -> Iterator[str]:
    if reported.get("state") == "paused":
        yield "the camera is paused; resume it with its direct method resume"
    elif reported.get("state") not in ("running", "finished"):
        yield f"the camera's state is {reported.get('state')}: {reported.get('lastError')}"
