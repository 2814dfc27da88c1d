"""Half an hour before the page (`scripts/soak-page`): neither the browser's heap nor the runtime's memory grows."""

from __future__ import annotations

import os
import statistics
import sys
from dataclasses import astuple, dataclass

import pytest
from playwright.sync_api import CDPSession

from benchmarks.processes import Usage
from tests.e2e.device import Device
from tests.e2e.page.browser import VIEWS, Visitor
from tests.e2e.page.conftest import Visit

MINUTES = float(os.environ.get("PAGE_SOAK_MINUTES", "0"))
READINGS = 30
_HEAP_MB, _RSS_MB = 2.0, 4.0
"""How much more the last third may hold than the second: a chart's minute, an allocator's mood. A leak of one frame
in ten is 10 MB in half an hour."""

pytestmark = [
    pytest.mark.skipif(MINUTES <= 0, reason="scripts/soak-page runs it, for half an hour"),
    pytest.mark.timeout(0),
]


@dataclass(frozen=True, slots=True)
class Reading:
    """MB after a garbage collection: the tab's heap, and what the runtime's processes hold."""

    heap: float
    nodes: float
    supervisor: float
    hub: float


def read(device: Device, session: CDPSession) -> Reading:
    for _ in range(2):
        session.send("HeapProfiler.collectGarbage")
    browser = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    processes = device.processes
    return Reading(
        browser["JSHeapUsedSize"] / 1e6,
        browser["Nodes"],
        Usage.of(processes["supervisor"]["pid"]).rss_bytes / 1e6,
        Usage.of(processes["hub"]["pid"]).rss_bytes / 1e6,
    )


def use(visitor: Visitor, seconds: float) -> None:
    """Every view in turn, and one frame opened and closed."""
    for view in VIEWS:
        visitor.view(view)
        visitor.page.wait_for_timeout(1000 * seconds / len(VIEWS))
    visitor.view("live")
    visitor.page.locator("#panel-frames .card").first.click()
    visitor.page.keyboard.press("Escape")


def test_nothing_grows(solution: Device, visit: Visit) -> None:
    with visit(solution) as visitor:
        visitor.open()
        session = visitor.page.context.new_cdp_session(visitor.page)
        session.send("Performance.enable")
        session.send("HeapProfiler.enable")
        readings: list[Reading] = []
        for number in range(READINGS):
            use(visitor, 60 * MINUTES / READINGS)
            readings.append(read(solution, session))
            figures = ", ".join(f"{value:.1f}" for value in astuple(readings[-1]))
            sys.stdout.write(f"{number + 1}/{READINGS}: heap, nodes, supervisor, hub: {figures}\n")
            sys.stdout.flush()
        middle, last = readings[READINGS // 3 : 2 * READINGS // 3], readings[2 * READINGS // 3 :]
        for name, allowed in (("heap", _HEAP_MB), ("supervisor", _RSS_MB), ("hub", _RSS_MB)):
            before = statistics.median(getattr(one, name) for one in middle)
            after = statistics.median(getattr(one, name) for one in last)
            assert after <= before + allowed, f"{name}: {before:.1f} MB, then {after:.1f} MB"
