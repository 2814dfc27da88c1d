"""What is measured with several brokers in turns, and the rounds of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

from benchmarks.errors import BenchmarkError
from benchmarks.hub import brokers
from benchmarks.hub.brokers import Broker, Place, Running
from benchmarks.hub.clients import Load, Result, raw_flow, sdk_flow

HUB, REFERENCE = "hub", "mosquitto+bridge"
BROKERS: Mapping[str, Broker] = {
    HUB: brokers.hub,
    REFERENCE: partial(brokers.mosquitto, bridged=True),
    "mosquitto": partial(brokers.mosquitto, bridged=False),
    "amqtt": brokers.amqtt,
}
"""`mosquitto` alone does not forward, so the SDK cannot use it."""
Places = Callable[[str, str], Place]
"""By the broker's name and the run's: where it runs."""
KIB = 1024
IN_FLIGHT = 100
PACE = 500.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """`rate` None: as fast as it goes, with `IN_FLIGHT` messages unacknowledged."""

    title: str
    flow: Callable[[Running, Load], Result]
    size: int
    rate: float | None
    brokers: Sequence[str]


SCENARIOS: Mapping[str, Scenario] = {
    "sdk": Scenario("SDK, 1 KiB", sdk_flow, KIB, None, (HUB, REFERENCE, "amqtt")),
    "sdk-16k": Scenario("SDK, 16 KiB", sdk_flow, 16 * KIB, None, (HUB, REFERENCE, "amqtt")),
    "sdk-500": Scenario("SDK, 1 KiB, 500/s", sdk_flow, KIB, PACE, (HUB, REFERENCE, "amqtt")),
    "raw": Scenario("raw, 1 KiB", raw_flow, KIB, None, tuple(BROKERS)),
    "raw-16k": Scenario("raw, 16 KiB", raw_flow, 16 * KIB, None, tuple(BROKERS)),
    "raw-500": Scenario("raw, 1 KiB, 500/s", raw_flow, KIB, PACE, tuple(BROKERS)),
}


@dataclass(frozen=True, slots=True)
class Measured:
    """One broker in one scenario: a result of each round, None where it could not go on (`failures` says why)."""

    scenario: str
    broker: str
    rounds: Sequence[Result | None]
    failures: Sequence[str]

    def values(self, name: str) -> list[float]:
        """One figure of every round; `p50` and `p99` are latencies in ms."""
        found = [result for result in self.rounds if result is not None]
        return [
            result["latencies_ms"][name] if name in ("p50", "p99") else result[name]
            for result in found
            if name not in ("p50", "p99") or result["latencies_ms"]
        ]

    def median(self, name: str) -> float | None:
        values = self.values(name)
        return median(values) if values else None

    def ratios(self, reference: Measured) -> list[float]:
        """Messages a second by the reference's of the same round."""
        pairs = zip(self.rounds, reference.rounds, strict=True)
        return [ours["out"] / theirs["out"] for ours, theirs in pairs if ours and theirs and theirs["out"]]

    @property
    def faults(self) -> int:
        """Messages out of order, doubled or missing. The SDK itself swaps a pair now and then: not counted."""
        return sum(result["faults"] + result["missing"] for result in self.rounds if result is not None)


def measure(
    name: str,
    *,
    rounds: int,
    seconds: float,
    places: Places,
    progress: Callable[[float], None],
) -> list[Measured]:
    """Every broker of a scenario, in turns whose order is drawn anew for each round, each on a fresh process.

    Raises:
        BenchmarkError: the hub could not be measured. What a reference cannot do is a result.
    """
    scenario = SCENARIOS[name]
    found: dict[str, list[Result | None]] = {broker: [] for broker in scenario.brokers}
    failures: dict[str, list[str]] = {broker: [] for broker in scenario.brokers}
    done = 0
    for number in range(rounds):
        for broker in random.sample(scenario.brokers, len(scenario.brokers)):
            load = Load(scenario.size, IN_FLIGHT, scenario.rate, warm_up_s=min(1.0, seconds), seconds=seconds)
            try:
                with BROKERS[broker](places(broker, f"{name}-{number}")) as running:
                    found[broker].append(scenario.flow(running, load))
            except BenchmarkError as error:
                if broker == HUB:
                    raise
                found[broker].append(None)
                failures[broker].append(str(error))
            done += 1
            progress(done / rounds / len(scenario.brokers))
    return [Measured(name, broker, found[broker], failures[broker]) for broker in scenario.brokers]
