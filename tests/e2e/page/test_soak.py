"""Half an hour before the page (`scripts/soak-page`): neither the browser's memory nor the runtime's grows."""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields

import pytest
from playwright.sync_api import CDPSession

from benchmarks.processes import Usage
from tests.e2e.device import Device
from tests.e2e.page.browser import VIEWS, Visitor
from tests.e2e.page.conftest import Visit
from tests.e2e.page.relay import Relay, relayed

MINUTES = float(os.environ.get("PAGE_SOAK_MINUTES", "0"))
READINGS = 30
_MOST_URLS = 121
"""The frames that the page keeps, and the one that is open."""
_ALLOWED = {"heap": 2.0, "nodes": 500.0, "listeners": 200.0, "browser": 60.0, "supervisor": 4.0, "hub": 4.0}
"""How much more the last third may hold than the second: a chart's minute, an allocator's mood. A leak of one frame
in ten is 10 MB of heap in half an hour, and 900 object URLs. The browser's processes: one that is driven grows by some
4 MB a minute through all this, with its heap, nodes and addresses as they were; one that nobody drives, looking at the
live view, had 377 MB after four minutes and 382 after twelve."""

# Pictures are in no heap of the tab's: the browser keeps them for as long as their addresses are not given back.
_URLS = """
window.objectUrls = new Set();
const { createObjectURL, revokeObjectURL } = URL;
URL.createObjectURL = (blob) => { const url = createObjectURL(blob); objectUrls.add(url); return url; };
URL.revokeObjectURL = (url) => { objectUrls.delete(url); revokeObjectURL(url); };
"""

pytestmark = [
    pytest.mark.skipif(MINUTES <= 0, reason="scripts/soak-page runs it, for half an hour"),
    pytest.mark.timeout(0),
]


@dataclass(frozen=True, slots=True)
class Reading:
    """After a garbage collection. In MB: the tab's heap, the browser's processes, and the runtime's."""

    heap: float
    nodes: float
    listeners: float
    urls: float
    browser: float
    supervisor: float
    hub: float

    def __str__(self) -> str:
        return ", ".join(f"{field.name} {getattr(self, field.name):.1f}" for field in fields(self))


class Watch:
    """Reads what is held: the tab's by its own session, the browser's processes by another."""

    def __init__(self, visitor: Visitor, device: Device) -> None:
        browser = visitor.page.context.browser
        assert browser is not None
        self._page, self._device = visitor.page, device
        self._tab: CDPSession = visitor.page.context.new_cdp_session(visitor.page)
        self._browser: CDPSession = browser.new_browser_cdp_session()
        self._tab.send("Performance.enable")
        self._tab.send("HeapProfiler.enable")

    def read(self) -> Reading:
        for _ in range(2):
            self._tab.send("HeapProfiler.collectGarbage")
        metrics = {one["name"]: one["value"] for one in self._tab.send("Performance.getMetrics")["metrics"]}
        processes = self._device.processes
        return Reading(
            heap=metrics["JSHeapUsedSize"] / 1e6,
            nodes=metrics["Nodes"],
            listeners=metrics["JSEventListeners"],
            urls=self._page.evaluate("objectUrls.size"),
            browser=self._browser_mb(),
            supervisor=Usage.of(processes["supervisor"]["pid"]).rss_bytes / 1e6,
            hub=Usage.of(processes["hub"]["pid"]).rss_bytes / 1e6,
        )

    def _browser_mb(self) -> float:
        found = 0
        for process in self._browser.send("SystemInfo.getProcessInfo")["processInfo"]:
            with contextlib.suppress(ProcessLookupError):
                found += Usage.of(process["id"]).rss_bytes
        return found / 1e6


def use(visitor: Visitor, seconds: float, number: int) -> None:
    """Every view in turn; a frame opened and closed, frames chosen, a property set."""
    for view in VIEWS:
        visitor.view(view)
        visitor.page.wait_for_timeout(1000 * seconds / len(VIEWS))
    visitor.view("live")
    frames = visitor.page.locator("#panel-frames")
    frames.locator(".card").first.click()
    visitor.page.locator("#detail[open]").wait_for()
    visitor.page.keyboard.press("Escape")
    visitor.page.locator("#detail").wait_for(state="hidden")
    frames.locator("[data-which=wrong]").click()
    frames.locator("[data-which=all]").click()
    visitor.node("module camera").click()
    field = '#panel-control [data-property="sceneSeconds"]'
    visitor.page.locator(field).get_by_label("Value of sceneSeconds").fill(str(3 + number % 2))
    visitor.page.locator(field).get_by_role("button", name="Set sceneSeconds").click()
    visitor.page.locator(f"{field}[data-verdict=applied]").wait_for()


def reconnect(visitor: Visitor, relay: Relay) -> None:
    assert visitor.complaints() == []
    relay.cut()
    visitor.page.locator("#connection[data-status=waiting]").wait_for()
    relay.mend()
    visitor.page.locator("#connection[data-status=open]").wait_for()
    # The browser's own words for a connection that was refused.
    visitor.forgive()


def held(readings: Sequence[Reading], name: str) -> float:
    return float(statistics.median(getattr(one, name) for one in readings))


def test_nothing_grows(solution: Device, visit: Visit) -> None:
    assert solution.endpoints is not None
    with relayed(solution.endpoints["page"]) as (relay, url), visit(solution, url) as visitor:
        visitor.page.add_init_script(_URLS)
        visitor.open()
        watch = Watch(visitor, solution)
        readings: list[Reading] = []
        for number in range(READINGS):
            use(visitor, 60 * MINUTES / READINGS, number)
            reconnect(visitor, relay)
            readings.append(watch.read())
            sys.stdout.write(f"{number + 1}/{READINGS}: {readings[-1]}\n")
            sys.stdout.flush()
            assert readings[-1].urls <= _MOST_URLS
        assert any(one.urls > 0 for one in readings), "pictures were never counted"
        middle, last = readings[READINGS // 3 : 2 * READINGS // 3], readings[2 * READINGS // 3 :]
        for name, allowed in _ALLOWED.items():
            before, after = held(middle, name), held(last, name)
            assert after <= before + allowed, f"{name}: {before:.1f}, then {after:.1f}"
