from __future__ import annotations

import asyncio
from typing import Any

import pytest

from module_kit.module import Module
from module_kit.reported import MAXIMUM_BYTES, Reporter, fit
from module_kit.settings import ModuleSettings
from module_kit.watchdog import Watchdog
from tests.patience import PATIENCE_S


@pytest.mark.parametrize(
    ("value", "fitted"),
    [
        (
            {"a": [1, None, {"b": None}]},
            {"a": [1, {"b": None}]},
        ),  # no null in an array, null deletes in an object
        ("x" * 5000, "x" * 4096),
        ("é" * 3000, "é" * 2048),  # 4,096 bytes, never half a character
        ("rtsp://u:p@h/", "rtsp://***@h/"),
        (2**52, 2**52),
        ((1, 2), [1, 2]),
    ],
)
def test_fit(value: Any, fitted: Any) -> None:
    assert fit(value) == fitted


def _nested(levels: int) -> Any:
    return {"a": _nested(levels - 1)} if levels else 1


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a.b": 1}, "/a.b: '.' is not allowed"),
        ({"a": {"$x": 1}}, r"/a/\$x: '\$' is not allowed"),
        ({"a b": 1}, "' ' is not allowed"),
        ({"": 1}, "a name of 0 bytes"),
        ({"a": 2**52 + 1}, "/a: 4503599627370497 is beyond"),
        (_nested(11), "deeper than 10 levels"),
    ],
)
def test_what_cannot_be_mended_is_refused_with_its_path(value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit(value)


class Hub:
    def __init__(self) -> None:
        self.patches: list[dict[str, Any]] = []
        self.connected = True
        self.fail = 0

    async def send(self, patch: dict[str, Any]) -> None:
        if self.fail:
            self.fail -= 1
            raise ConnectionError("gone")
        self.patches.append(patch)

    async def until_patched(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.patches) < count:
                await asyncio.sleep(0.01)


def _reporter(hub: Hub) -> Reporter:
    return Reporter(hub.send, lambda: hub.connected, coalesce_s=0.05)


async def test_changes_within_the_interval_travel_as_one_patch() -> None:
    hub = Hub()
    reporter = _reporter(hub)
    running = asyncio.create_task(reporter.run())
    reporter.report({"state": "starting"})
    await asyncio.sleep(0.01)
    for number in range(20):
        reporter.report({"state": "running", "frames": number})
    await hub.until_patched(2)
    running.cancel()
    assert hub.patches == [{"state": "starting"}, {"state": "running", "frames": 19}]


async def test_what_did_not_change_is_not_sent() -> None:
    hub = Hub()
    reporter = _reporter(hub)
    reporter.report({"state": "running"})
    await reporter.flush()
    reporter.report({"state": "running"})
    await reporter.flush()
    assert hub.patches == [{"state": "running"}]


async def test_a_failed_report_goes_again_with_what_changed_meanwhile() -> None:
    hub = Hub()
    hub.fail = 1
    reporter = _reporter(hub)
    reporter.report({"a": 1, "b": 1})
    assert not await reporter.flush()
    reporter.report({"b": 2})
    assert await reporter.flush()
    assert hub.patches == [{"a": 1, "b": 2}]


async def test_nothing_is_sent_while_disconnected() -> None:
    hub = Hub()
    hub.connected = False
    reporter = _reporter(hub)
    running = asyncio.create_task(reporter.run())
    reporter.report({"a": 1})
    await asyncio.sleep(0.02)
    assert hub.patches == []
    hub.connected = True
    reporter.report({"b": 1})
    await hub.until_patched(1)
    running.cancel()
    assert hub.patches == [{"a": 1, "b": 1}]


async def test_what_is_gone_inside_an_object_is_deleted_also_from_an_earlier_run() -> None:
    hub = Hub()
    reporter = _reporter(hub)
    reporter.seed({"drops": {"old": 1, "kept": {"x": 1}}, "$version": 9})
    reporter.report({"drops": {"kept": {"y": 2}}})
    await reporter.flush()
    assert hub.patches == [{"drops": {"old": None, "kept": {"x": None, "y": 2}}}]


async def test_a_bad_property_is_left_out_and_counted_and_the_others_go() -> None:
    hub = Hub()
    reporter = _reporter(hub)
    reporter.report({"bad name": 1, "big": ["x" * 4000] * 9, "good": 1})
    await reporter.flush()
    assert hub.patches == [{"good": 1}]
    assert reporter.refused == 2


async def test_the_section_never_grows_over_the_limit() -> None:
    hub = Hub()
    reporter = _reporter(hub)
    for number in range(20):
        reporter.report({f"p{number}": "x" * 4000})
        await reporter.flush()
    assert sum(len(str(patch)) for patch in hub.patches) < MAXIMUM_BYTES
    assert reporter.refused == 12


class _Settings(ModuleSettings):
    top_k: int = 1


async def test_a_setting_is_not_reported_over_its_acknowledgement() -> None:
    module = Module("camera", _Settings, {}, asyncio.Event(), Watchdog())
    module.report({"top": 3})
    with pytest.raises(ValueError, match="camera reports topK: a setting is acknowledged there"):
        module.report({"topK": {"sent": 3}})
