"""The store's limit as the hub honours it: where it comes from, and what its clients see of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.heads.metrics import MetricsApi
from edge_runtime.hub.admission import DEFAULT_LIMIT_BYTES, StoreStatus
from edge_runtime.hub.configuration import InvalidConfigurationError, apply_configuration, patch_desired
from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import Feature
from tests.hub.links import RecordingLink
from tests.hub.running import running_hub
from tests.hub.upstreams import FlakyUpstream
from tests.patience import eventually

CAMERA, CLASSIFIER, HUB = (
    ClientId("edge", "camera"),
    ClientId("edge", "classifier"),
    ClientId("edge", "$edgeHub"),
)
LIMIT = 512 * 1024
SIZE = 8192
ROUTES = {
    "local": "FROM /messages/modules/camera/outputs/frames "
    'INTO BrokeredEndpoint("/modules/classifier/inputs/frames")',
    "cloud": "FROM /messages/modules/camera/outputs/events INTO $upstream",
}


def manifest(limits: dict[str, Any] | None) -> dict[str, Any]:
    store: dict[str, Any] = {"timeToLiveSecs": 7200}
    if limits is not None:
        store["storeLimits"] = limits
    hub = {"schemaVersion": "1.2", "routes": ROUTES, "storeAndForwardConfiguration": store}
    return {
        "modulesContent": {
            "$edgeAgent": {"properties.desired": {"modules": {"camera": {}, "classifier": {}}}},
            "$edgeHub": {"properties.desired": hub},
        }
    }


def limit(size: int | None) -> dict[str, Any]:
    return {"storeAndForwardConfiguration": {"storeLimits": size and {"maxSizeBytes": size}}}


def publish(hub: EdgeHub, output: str, n: int, acknowledged: list[int], size: int = SIZE) -> None:
    hub.publish(
        CAMERA, output, {"n": str(n)}, {"messageId": f"m{n}"}, bytes(size), lambda: acknowledged.append(n)
    )


async def fill(hub: EdgeHub) -> list[int]:
    """Send upstream, which is away, until one message is not stored; the numbers of those that are."""
    acknowledged: list[int] = []
    while not hub.admission.waiting:
        publish(hub, "events", len(acknowledged), acknowledged)
        await eventually(lambda: hub.store.uncommitted_bytes == 0)
    return acknowledged


async def test_a_full_store_acknowledges_nothing_more_until_there_is_room(tmp_path: Path) -> None:
    away = FlakyUpstream(failures=10**6)
    async with running_hub(tmp_path, away) as hub:
        await apply_configuration(hub, manifest({"maxSizeBytes": LIMIT}))
        acknowledged = await fill(hub)
        count = len(acknowledged)
        assert hub.admission.describe()["status"] == "limit"
        await eventually(lambda: hub.twin(HUB)["reported"].get("store", {}).get("status") == "limit")

        # A module that takes what it gets is served as before.
        link, local = RecordingLink(), list[int]()
        hub.attach(CLASSIFIER, link, frozenset({Feature.INPUTS}))
        for n in range(200):
            publish(hub, "frames", n, local)
            await eventually(lambda: len(link.confirmations) > n)  # noqa: B023
            link.confirmations[n]()
        assert link.numbers == list(range(200))
        # So is all that stores no message.
        publish(hub, "nowhere", 0, local)
        assert await hub.report(CAMERA, {"fps": 5}) == 2
        assert len(acknowledged) == count
        assert (tmp_path / "hub.db").stat().st_size <= LIMIT

        away.failures = 0
        await eventually(lambda: len(acknowledged) == count + 1)
        await away.wait_for(count + 1)
        assert [stored.message.app["n"] for stored in away.taken] == [str(n) for n in range(count + 1)]
        await eventually(lambda: hub.admission.status is StoreStatus.OK)
        await eventually(lambda: hub.twin(HUB)["reported"]["store"]["status"] == "ok")
        assert hub.admission.describe()["episodes"] == {"limit": 1}


async def test_the_limit_changes_while_the_hub_runs(tmp_path: Path) -> None:
    async with running_hub(tmp_path, FlakyUpstream(failures=10**6), store_limit_bytes=LIMIT) as hub:
        await apply_configuration(hub, manifest(None))
        acknowledged = await fill(hub)
        count = len(acknowledged)
        await patch_desired(hub, HUB, limit(2 * LIMIT))
        await eventually(lambda: len(acknowledged) == count + 1)
        await patch_desired(hub, HUB, limit(LIMIT // 2))
        publish(hub, "events", count + 1, acknowledged)
        assert hub.admission.waiting == 1
        (told,) = [
            line
            for line in MetricsApi(hub, "i").text().splitlines()
            if line.startswith("edgehub_messages_waiting{")
        ]
        assert told.endswith("} 1")
        await patch_desired(hub, HUB, limit(None))
        assert hub.admission.limit_bytes == LIMIT
        await patch_desired(hub, HUB, limit(4 * LIMIT))
        await eventually(lambda: len(acknowledged) == count + 2)
    async with running_hub(tmp_path, FlakyUpstream(failures=10**6)) as hub:
        assert hub.admission.limit_bytes == 4 * LIMIT
        await patch_desired(hub, HUB, limit(None))
        assert hub.admission.limit_bytes == DEFAULT_LIMIT_BYTES


async def test_expired_messages_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_runtime.hub.edge_hub._CLEANUP_INTERVAL_IF_FULL_S", 0.05)
    async with running_hub(tmp_path) as hub:
        document = manifest({"maxSizeBytes": LIMIT})
        desired = document["modulesContent"]["$edgeHub"]["properties.desired"]
        desired["routes"]["brief"] = {"route": ROUTES["local"].replace("frames ", "* "), "timeToLiveSecs": 1}
        await apply_configuration(hub, document)
        acknowledged: list[int] = []
        for n in range(100):  # twice as much as there is room for, to a module that never comes
            publish(hub, "brief", n, acknowledged)
        await eventually(lambda: len(acknowledged) == 100)
        assert hub.statistics.dropped["ttl_expiry"] > 30


@pytest.mark.parametrize(
    "limits", [{}, {"maxSizeBytes": 0}, {"maxSizeBytes": "1"}, {"maxSizeBytes": True}, 5]
)
async def test_a_limit_that_is_none_is_refused(tmp_path: Path, limits: Any) -> None:
    async with running_hub(tmp_path) as hub:
        with pytest.raises(InvalidConfigurationError, match=re.escape('storeLimits: {"maxSizeBytes": N}')):
            await apply_configuration(hub, manifest(limits))
        assert hub.admission.limit_bytes == DEFAULT_LIMIT_BYTES


async def test_a_message_larger_than_the_limit_is_dropped_loudly_and_keeps_nobody_waiting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_hub(tmp_path) as hub:
        await apply_configuration(hub, manifest({"maxSizeBytes": LIMIT}))
        acknowledged: list[int] = []
        publish(hub, "frames", 1, acknowledged, size=LIMIT + 1)
        assert acknowledged == [1], "or its sender would send it again and again"
        publish(hub, "frames", 2, acknowledged)
        await eventually(lambda: acknowledged == [1, 2])
        assert hub.statistics.dropped == {"too_large": 1}
        assert hub.admission.waiting == 0
        for n in range(3, 12):
            publish(hub, "frames", n, acknowledged, size=LIMIT + 1)
    told = [record.getMessage() for record in caplog.records if "is dropped" in record.getMessage()]
    assert told == [
        "A message of edge/camera is dropped: its copies take 524289 bytes, and the store's limit is 524288 "
        f"({count} so far)"
        for count in (1, 10)
    ]
