"""What `$edgeHub` reports of itself and of the hub's clients (spec D.4)."""

from __future__ import annotations

import asyncio
import json
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.hub.client_report import ClientReport, encoded
from edge_runtime.hub.configuration import apply_configuration, patch_desired
from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.settings import DEFAULTS
from edge_runtime.hub.twin_rules import MAX_SECTION_BYTES
from edge_runtime.version import VERSION
from tests.hub.links import RecordingLink
from tests.hub.running import running_hub
from tests.hub.test_edge_hub import CAMERA, UPSTREAM, manifest
from tests.patience import eventually

LAMP = ClientId("lamp")
HUB = ClientId("edge", "$edgeHub")


def reported(hub: EdgeHub) -> dict[str, Any]:
    section: dict[str, Any] = hub.twin(HUB)["reported"]
    return section


def clients(hub: EdgeHub) -> dict[str, Any]:
    found: dict[str, Any] = reported(hub).get("clients", {})
    return found


@pytest.mark.parametrize(
    ("client", "name"),
    [
        (ClientId("edge", "camera"), "edge/camera"),
        (ClientId("my.lamp"), "my%2Elamp"),
        (ClientId("edge", "$a b#c"), "edge/%24a%20b%23c"),
        (ClientId("a%2Eb"), "a%2Eb"),
    ],
)
def test_names_as_twins_can_hold_them(client: ClientId, name: str) -> None:
    assert encoded(client) == name


async def test_clients_come_and_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_hub(tmp_path) as hub:
        monkeypatch.setattr(hub._clients, "_pace_s", 0.01)
        module, lamp, odd = RecordingLink(), RecordingLink(), RecordingLink()
        hub.attach(CAMERA, module, frozenset())
        hub.attach(LAMP, lamp, frozenset())
        hub.attach(ClientId("my.lamp"), odd, frozenset())
        await eventually(lambda: set(clients(hub)) == {"edge/camera", "lamp", "my%2Elamp"})
        entry = clients(hub)["lamp"]
        assert entry.pop("status") == "Connected"
        assert datetime.fromisoformat(entry.pop("lastConnectedTimeUtc")).tzinfo is not None
        assert entry == {}
        hub.detach(CAMERA, module)
        hub.detach(LAMP, lamp)
        await eventually(lambda: set(clients(hub)) == {"edge/camera", "my%2Elamp"})
        entry = clients(hub)["edge/camera"]
        assert set(entry) == {"status", "lastConnectedTimeUtc", "lastDisconnectedTimeUtc"}
        assert entry["status"] == "Disconnected"
    async with running_hub(tmp_path) as hub:
        # What an earlier run said of clients is no longer true.
        await eventually(lambda: clients(hub) == {})


async def test_the_version_and_what_was_desired_last(tmp_path: Path) -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION
    async with running_hub(tmp_path) as hub:
        await apply_configuration(hub, manifest({"b": UPSTREAM}))
        await eventually(lambda: "version" in reported(hub))
        assert reported(hub)["version"] == {"version": VERSION, "build": "", "commit": ""}
        assert reported(hub)["schemaVersion"] == "1.0"
        assert reported(hub)["lastDesiredVersion"] == hub.twin(HUB)["desired"]["$version"] == 2
        await patch_desired(hub, HUB, {"routes": {"c": UPSTREAM}})
        assert reported(hub)["lastDesiredVersion"] == 3


class Reports:
    """Keeps the patches."""

    def __init__(self) -> None:
        self.patches: list[dict[str, Any]] = []

    async def __call__(self, patch: dict[str, Any]) -> None:
        self.patches.append(patch)


async def test_changes_add_up_between_two_reports() -> None:
    assert DEFAULTS.reported_properties_sync_s == 5
    reports = Reports()
    report = ClientReport("edge", reports, pace_s=0.01)
    for _ in range(100):
        report.connected(LAMP)
        report.disconnected(LAMP)
        report.connected(CAMERA)
        report.disconnected(CAMERA)
    running = asyncio.create_task(report.run())
    await eventually(lambda: len(reports.patches) == 2)
    assert reports.patches[0]["clients"] is None
    last = reports.patches[1]["clients"]
    assert last["lamp"] is None
    assert last["edge/camera"]["status"] == "Disconnected"
    await asyncio.sleep(0.05)
    assert len(reports.patches) == 2  # nothing has changed, so nothing is written
    running.cancel()


async def test_a_section_that_is_full_stops_the_reports_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_hub(tmp_path) as hub:
        monkeypatch.setattr(hub._clients, "_pace_s", 0.01)
        await eventually(lambda: "version" in reported(hub))
        taken = len(json.dumps(reported(hub)).encode())
        most = {f"p{n}": "x" * 4090 for n in range(7)}
        await hub.report(HUB, most | {"rest": "x" * (MAX_SECTION_BYTES - taken - len(json.dumps(most)) - 10)})
        link = RecordingLink()
        hub.attach(CAMERA, link, frozenset())
        await eventually(lambda: "$edgeHub cannot report clients: the section would have" in caplog.text)
        hub.admission.limit_bytes = 1
        hub.publish(CAMERA, None, {}, {}, b"x", lambda: None)
        await eventually(lambda: "$edgeHub cannot report store: the section would have" in caplog.text)
        await hub.report(HUB, {"rest": None})
        hub.detach(CAMERA, link)
        await eventually(lambda: clients(hub).get("edge/camera", {}).get("status") == "Disconnected")


async def test_a_change_waits_for_its_time() -> None:
    reports = Reports()
    report = ClientReport("edge", reports, pace_s=1000)
    running = asyncio.create_task(report.run())
    report.connected(LAMP)
    await eventually(lambda: len(reports.patches) == 2)
    report.connected(CAMERA)
    await asyncio.sleep(0.05)
    assert len(reports.patches) == 2
    running.cancel()
