"""What the agent counts and times (spec D.6)."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from edge_runtime.agent.measurements import Measurements, Samples


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def test_samples_are_counted_and_their_quantiles_are_of_the_last() -> None:
    samples = Samples()
    for value in range(1000):
        samples.add(float(value))
    found = samples.distribution()
    assert (found.count, found.total) == (1000, 499_500.0)
    assert found.quantiles == (769.0, 871.0, 974.0, 997.0)


def test_a_module_s_time_is_split_into_wanted_and_well() -> None:
    clock = Clock()
    measured = Measurements(clock)
    measured.see({"camera": True})
    measured.see_one("edgeHub", True)
    clock.now += 10
    measured.see({"camera": False, "filter": True})
    clock.now += 5
    measured.see({"camera": True, "filter": True})
    measured.see_one("edgeHub", False)
    clock.now += 2
    measured.see({"filter": True})  # nobody wants the camera any more
    clock.now += 100
    found = measured.availability()
    assert (found["camera"].expected_s, found["camera"].running_s) == (17.0, 12.0)
    assert (found["edgeHub"].expected_s, found["edgeHub"].running_s) == (117.0, 15.0)
    assert (found["filter"].expected_s, found["filter"].running_s) == (107.0, 107.0)


def test_a_command_is_timed_however_it_ends() -> None:
    clock = Clock()
    measured = Measurements(clock)
    with contextlib.suppress(OSError), measured.timed("start"):
        clock.now += 3
        raise OSError("gone")
    assert measured.latencies["start"].distribution().total == 3.0


def test_a_deployment_lasts_from_its_first_news_until_nothing_is_left_to_do() -> None:
    clock = Clock()
    measured = Measurements(clock)
    measured.deployment_done()
    measured.deployment_began()
    clock.now += 4
    measured.deployment_began()
    clock.now += 4
    measured.deployment_done()
    measured.deployment_done()
    assert (measured.deployments.count, measured.deployments.total) == (1, 8.0)


def test_syncs_that_fail_are_syncs() -> None:
    measured = Measurements(Clock())
    measured.synced(True)
    measured.synced(False)
    assert (measured.syncs, measured.failed_syncs) == (2, 1)
