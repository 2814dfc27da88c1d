"""What the agent counts and times, for its metrics (spec D.6). Cheap to take: text is made when somebody asks."""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from edge_runtime.agent.restart import Clock
from edge_runtime.exposition import Distribution, quantiles

_WINDOW = 256


@dataclass(slots=True)
class Samples:
    """How many values, their sum, and the last 256 for the quantiles."""

    count: int = 0
    total: float = 0.0
    last: deque[float] = field(default_factory=lambda: deque(maxlen=_WINDOW))

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        self.last.append(value)

    def distribution(self) -> Distribution:
        return Distribution(self.count, self.total, quantiles(self.last))


@dataclass(slots=True)
class Availability:
    """For how long a module was to run, and did. `running` None: it is not to run."""

    at: float
    running: bool | None
    expected_s: float = 0.0
    running_s: float = 0.0

    def see(self, running: bool | None, now: float) -> None:
        """What was seen last held until now."""
        if self.running is not None:
            self.expected_s += now - self.at
            self.running_s += (now - self.at) * self.running
        self.at, self.running = now, running


class Measurements:
    """`starts`, `stops` and `updates` are by module and version, `latencies` by edgeAgent's name of the command."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.began = clock()
        self.starts: Counter[tuple[str, str]] = Counter()
        self.stops: Counter[tuple[str, str]] = Counter()
        self.updates: Counter[tuple[str, str]] = Counter()
        self.methods: Counter[str] = Counter()
        self.latencies: defaultdict[str, Samples] = defaultdict(Samples)
        self.deployments = Samples()
        self.syncs = 0
        self.failed_syncs = 0
        self._availability: dict[str, Availability] = {}
        self._modules: frozenset[str] = frozenset()
        self._deploying_since: float | None = None

    @contextlib.contextmanager
    def timed(self, command: str) -> Iterator[None]:
        """Time a command of the engine, however it ends."""
        began = self._clock()
        try:
            yield
        finally:
            self.latencies[command].add(self._clock() - began)

    def synced(self, well: bool) -> None:
        """The desired properties were read, or could not be."""
        self.syncs += 1
        self.failed_syncs += not well

    def deployment_began(self) -> None:
        """New desired properties."""
        if self._deploying_since is None:
            self._deploying_since = self._clock()

    def deployment_done(self) -> None:
        """Nothing is left to do."""
        if self._deploying_since is not None:
            self.deployments.add(self._clock() - self._deploying_since)
            self._deploying_since = None

    def see(self, running: Mapping[str, bool]) -> None:
        """Which modules are to run now, and whether they do; one that is not named is not to."""
        for name in {*running, *self._modules}:
            self.see_one(name, running.get(name))
        self._modules = frozenset(running)

    def see_one(self, name: str, running: bool | None) -> None:
        """Whether a module, or a part of the runtime, runs; None: it is not to."""
        now = self._clock()
        self._availability.setdefault(name, Availability(now, running)).see(running, now)

    def availability(self) -> dict[str, Availability]:
        """Up to now, by module."""
        now = self._clock()
        for known in self._availability.values():
            known.see(known.running, now)
        return dict(sorted(self._availability.items()))
