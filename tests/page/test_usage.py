"""Processor and memory out of edgeAgent's real text of metrics."""

from __future__ import annotations

import time

import pytest

from edge_runtime.agent.engine import Resources
from edge_runtime.agent.machine import Disk, Machine
from edge_runtime.agent.measurements import Measurements
from edge_runtime.agent.metrics import AgentMetrics, Reading
from edge_runtime.page.usage import Usage, UsageReader


class Agent:
    """Its metrics, as they read after seconds of a machine with two processors."""

    def __init__(self) -> None:
        self._metrics = AgentMetrics(Measurements(time.monotonic), "h", "edge", "i")

    def text(self, at: float, **cpu_s: float) -> str:
        machine = Machine(at, 0.0, 2 * at, 6, 10, Disk("sda1", "ext4", "SSD", 7, 9))
        modules = {name: Resources(used, 1000, 2000, 1) for name, used in cpu_s.items()}
        return self._metrics.text(Reading(at, machine, modules))


def test_the_share_is_of_all_processors_between_two_readings() -> None:
    agent, reader = Agent(), UsageReader()
    agent.text(0.0, camera=0.0)
    first = reader.take(agent.text(1.0, camera=1.0))
    assert first["camera"] == Usage(None, 1000)  # one reading says nothing of what it used since
    second = reader.take(agent.text(2.0, camera=1.5))
    assert second["camera"] == Usage(25.0, 1000)
    assert second["host"].memory_bytes == 6


def test_of_a_module_that_started_again_the_share_is_not_known() -> None:
    agent, reader = Agent(), UsageReader()
    for at, used in ((0.0, 0.0), (1.0, 5.0)):
        reader.take(agent.text(at, camera=used))
    assert reader.take(agent.text(2.0, camera=0.1))["camera"] == Usage(None, 1000)


def test_a_module_that_has_gone_is_not_told() -> None:
    agent, reader = Agent(), UsageReader()
    reader.take(agent.text(0.0, camera=0.0, filter=0.0))
    assert "filter" not in reader.take(agent.text(1.0, camera=1.0))


def test_what_is_no_exposition_is_refused() -> None:
    with pytest.raises(ValueError, match="float"):
        UsageReader().take('edgeAgent_used_memory_bytes{module_name="a"} many\n')
