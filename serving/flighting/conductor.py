"""Deciding for all workers: accepts plans, adds up what the workers counted, takes candidates back.

One process decides, because a decision that each worker took from its own numbers would be taken at different
moments, from a fraction of the numbers each, and two workers could hold opposite ones. Which one does not matter: it
is the worker that holds the state folder's lock, and when it ends another takes it up. So it needs no process of
its own (some 40 MB), and nothing in the parent, whose only work is to keep workers running.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path

from serving.flighting import metrics
from serving.flighting import plan as plans
from serving.flighting.bundles import check_all
from serving.flighting.plan import FlightPlan, PlanError
from serving.flighting.state import Decided, FoundBundle, StateFolder
from serving.flighting.tally import Window
from serving.flighting.verdict import CRASHES_WITHIN_S, Verdict, judge

STEP_S = 0.25
"""How often `step` is to be called; a change reaches the workers within two such steps."""
RETRY_S = 10.0
"""After so long a plan that was refused is tried again (its bundle's volume may be late), then after twice as long."""
LONGEST_RETRY_S = 300.0

Bundles = Mapping[str, FoundBundle]

logger = logging.getLogger(__name__)


def in_a_thread(work: Callable[[], Bundles]) -> Future[Bundles]:
    """Begin `work`. Nobody waits for it at the end of the process: a bundle that hangs ends by its own limits."""
    future: Future[Bundles] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - told to whoever asks for the result
            future.set_exception(error)

    threading.Thread(target=run, name="prove a plan", daemon=True).start()
    return future


class Conductor:
    """One for a service at a time: `start` or `take_over`, then `step` every `STEP_S` seconds.

    Args:
        plan: the plan file, which is watched; or a plan, which stays.
        state: where the decisions go and the reports come from.
        check: proves a plan's bundles.
        begin: starts such a proof. It takes up to a minute a bundle, and candidates are judged meanwhile.
    """

    def __init__(
        self,
        plan: Path | FlightPlan,
        state: StateFolder,
        *,
        check: Callable[[FlightPlan], Bundles] = check_all,
        begin: Callable[[Callable[[], Bundles]], Future[Bundles]] = in_a_thread,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan = plan
        self._state = state
        self._check = check
        self._begin = begin
        self._clock = clock
        self._decided: Decided | None = None
        self._windows: dict[str, Window] = {}
        self._proof: tuple[FlightPlan, Future[Bundles]] | None = None
        self._refused_plan: FlightPlan | None = None
        self._retry_at = self._retry_after_s = 0.0

    def start(self) -> Decided:
        """Accept the first plan.

        Raises:
            PlanError: there is no last good plan to fall back on, so the service must not start.
        """
        plan = self._read()
        return self._accept(plan, self._check(plan), revision=1)

    def take_over(self) -> Decided:
        """Go on where another one ended. Its windows begin anew with what is counted from now on."""
        decided = self._state.decided()
        self._decided = decided
        self._open_windows(decided)
        return decided

    def step(self) -> Decided:
        """Look at the plan file and at the numbers once; never raises for what they hold."""
        if self._decided is None:
            raise RuntimeError("start comes before step")
        self._look_at_plan(self._decided)
        self._look_at_numbers(self._decided)
        return self._decided

    def _read(self) -> FlightPlan:
        return plans.read(self._plan) if isinstance(self._plan, Path) else self._plan

    def _look_at_plan(self, decided: Decided) -> None:
        try:
            plan = self._read()
            if plan == decided.plan:
                self._refused_plan = None
                if decided.refused:
                    self._decide(decided.model_copy(update={"refused": None}))
            else:
                self._prove(plan, decided.revision + 1)
        except PlanError as error:
            if str(error) != decided.refused:
                logger.warning("flight plan refused, revision %d goes on: %s", decided.revision, error)
                metrics.PLANS.labels(outcome="refused").inc()
                self._decide(decided.model_copy(update={"refused": str(error)}))

    def _prove(self, plan: FlightPlan, revision: int) -> None:
        """Go on with the proof of a plan, one at a time. Raises what a proof that is over raised."""
        if self._proof is None and (plan != self._refused_plan or self._clock() >= self._retry_at):
            self._proof = plan, self._begin(lambda: self._check(plan))
        if self._proof is None or not self._proof[1].done():
            return
        (proven, proof), self._proof = self._proof, None
        if proven != plan:
            return  # the file says something else by now
        if proof.exception():
            again = plan == self._refused_plan
            self._retry_after_s = min(2 * self._retry_after_s, LONGEST_RETRY_S) if again else RETRY_S
            self._refused_plan, self._retry_at = plan, self._clock() + self._retry_after_s
        self._accept(plan, proof.result(), revision)

    def _accept(self, plan: FlightPlan, bundles: Bundles, revision: int) -> Decided:
        decided = Decided(revision=revision, plan=plan, bundles=bundles)
        self._decide(decided)
        self._open_windows(decided)
        metrics.PLANS.labels(outcome="accepted").inc()
        shares = ", ".join(f"{v.name} ({v.bundle}) {v.percent:g} %" for v in plan.variants)
        logger.info("flight plan of revision %d: %s", revision, shares)
        return decided

    def _look_at_numbers(self, decided: Decided) -> None:
        if decided.plan.rollback is None or not self._windows:
            return
        now, found = self._clock(), dict[str, Verdict]()
        crashes = self._state.crashes(decided, CRASHES_WITHIN_S)
        for name, total in self._state.totals(decided).items():
            if name in self._windows and name not in decided.rolled_back:
                window = self._windows[name].reading(now, total)
                verdict = judge(decided.plan.rollback, window, crashes[name])
                if verdict:
                    found[name] = verdict
        for name, verdict in found.items():
            logger.error("flight variant %s is taken back: %s", name, verdict)
            metrics.ROLLBACKS.labels(variant=name, cause=verdict.cause).inc()
        if found:
            self._decide(decided.model_copy(update={"rolled_back": {**decided.rolled_back, **found}}))

    def _open_windows(self, decided: Decided) -> None:
        self._windows = {}
        if decided.plan.rollback:
            now, totals = self._clock(), self._state.totals(decided)
            for variant in decided.plan.candidates:
                window = Window(decided.plan.rollback.window_seconds, now, totals[variant.name])
                self._windows[variant.name] = window

    def _decide(self, decided: Decided) -> None:
        self._state.decide(decided)
        self._decided = decided
