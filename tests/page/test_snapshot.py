"""The page's snapshot out of the answers of hub and agent."""

from __future__ import annotations

from typing import Any

import pytest

from edge_runtime.page.rates import Rates
from edge_runtime.page.snapshot import Reading, Snapshots
from edge_runtime.page.usage import Usage


def hub(instance: str = "i", stored: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "instance": instance,
        "modules": {"camera": {"connected": True, "runtimeStatus": "running"}, "byHand": {"connected": False}},
        "routes": [
            {
                "name": "up", "route": "FROM /messages/* INTO $upstream", "source": "/messages/*",
                "endpoint": "iothub", "priority": 0, "timeToLiveSecs": 7200, "matched": stored,
            }
        ],
        "endpoints": [
            {"endpoint": "iothub", "queued": 3, "unacknowledged": 2, "byPriority": [], "delivered": stored}
        ],
        "stored": stored,
        "delivered": {"iothub": stored},
        "drops": [],
        "upstreamConnected": True,
        "upstreamSwitchedOff": False,
        "store": {"status": "ok"},
        **more,
    }  # fmt: skip


AGENT = {
    "reported": {
        "modules": {
            "camera": {
                "runtimeStatus": "backoff", "statusDescription": "cannot open rtsp://u:p@h/1", "exitCode": 1,
                "restartCount": 4, "lastStartTimeUtc": "2026-01-31T12:00:00Z",
            }
        },
        "systemModules": {"edgeHub": {"runtimeStatus": "running", "lastStartTimeUtc": "0001-01-01T00:00:00Z"}},
    },
    "desired": {"modules": {"camera": {"status": "running"}, "later": {"status": "stopped"}}, "systemModules": "?"},
}  # fmt: skip


def test_a_module_is_what_agent_hub_and_metrics_say_of_it() -> None:
    usage = {"camera": Usage(12.5, 1000)}
    modules = Snapshots("edge").document(Reading(0.0, hub(), AGENT, usage))["modules"]
    assert modules["camera"] == {
        "status": "backoff", "description": "cannot open rtsp://***@h/1", "connected": True, "restartCount": 4,
        "exitCode": 1, "startedAt": "2026-01-31T12:00:00Z", "cpuPercent": 12.5, "memoryBytes": 1000,
        "desiredStatus": "running", "system": False,
    }  # fmt: skip
    assert modules["edgeHub"]["startedAt"] is None
    assert (modules["edgeHub"]["connected"], modules["edgeHub"]["system"]) == (True, True)
    assert (modules["later"]["status"], modules["later"]["desiredStatus"]) == ("unknown", "stopped")
    assert modules["byHand"]["connected"] is False
    assert list(modules) == sorted(["byHand", "camera", "edgeAgent", "edgeHub", "later"])


def test_rates_are_of_the_last_seconds() -> None:
    snapshots = Snapshots("edge")
    documents = [snapshots.document(Reading(float(n), hub(stored=10 * n))) for n in range(4)]
    assert [one["rate"] for one in documents] == [0.0, 10.0, 10.0, 10.0]
    last = documents[-1]
    assert (last["routes"][0]["rate"], last["endpoints"][0]["rate"], last["upstream"]["rate"]) == (10.0,) * 3
    assert (last["upstream"]["queued"], last["upstream"]["delivered"]) == (5, 30)


def test_while_the_hub_is_away_the_last_that_is_known_is_told() -> None:
    snapshots = Snapshots("edge")
    assert snapshots.document(Reading(0.0, None))["hub"] == "down"
    snapshots.document(Reading(1.0, hub(stored=10), AGENT))
    snapshots.document(Reading(2.0, hub(stored=20), AGENT))
    down = snapshots.document(Reading(3.0, None, None))
    assert (down["hub"], down["rate"], down["stored"], down["instance"]) == ("down", 0.0, 20, "i")
    assert (down["upstream"]["connected"], down["upstream"]["rate"]) == (False, 0.0)
    assert down["modules"]["camera"]["status"] == "backoff"
    assert not any(module["connected"] for module in down["modules"].values())


def test_a_hub_that_started_again_counts_anew() -> None:
    snapshots = Snapshots("edge")
    snapshots.document(Reading(0.0, hub(stored=1000)))
    again = snapshots.document(Reading(1.0, hub("j", stored=5)))
    assert (again["instance"], again["rate"]) == ("j", 0.0)
    assert snapshots.document(Reading(2.0, hub("j", stored=7)))["rate"] == 2.0


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("/messages/modules/camera/outputs/frames", {"module": "camera", "output": "frames"}),
        ("/messages/modules/camera/outputs/*", {"module": "camera", "output": None}),
        ("/messages/modules/camera/*", {"module": "camera", "output": None}),
        ("/messages/modules/camera", {"module": "camera", "output": None}),
        ("/messages/modules/*/outputs/frames", None),
        ("/messages/modules/*", None),
        ("/messages/*", None),
        ("/*", None),
        ("/twinChangeNotifications", None),
    ],
)
def test_where_a_route_begins(source: str, expected: dict[str, str | None] | None) -> None:
    route = {**hub()["routes"][0], "source": source}
    document = Snapshots("edge").document(Reading(0.0, hub(routes=[route])))
    assert (document["routes"][0]["from"], document["routes"][0]["source"]) == (expected, source)


def test_a_rate_looks_back_five_seconds_and_no_further() -> None:
    rates = Rates()
    for second in range(20):
        rates.take(float(second), {"a": 0 if second < 10 else 100 * (second - 10)})
    assert rates.of("a") == 100.0
    assert len(rates._past) <= 7
    assert rates.of("never") == 0.0
    rates.take(20.0, {"a": 0})  # a counter that fell is not a rate below nothing
    assert rates.of("a") == 0.0


def test_two_readings_in_a_row_are_no_rate() -> None:
    rates = Rates()
    rates.take(10.0, {"a": 0})
    rates.take(10.02, {"a": 1})
    assert rates.of("a") == 0.0
    rates.take(10.52, {"a": 1})
    assert rates.of("a") == pytest.approx(1 / 0.52, rel=0.01)
