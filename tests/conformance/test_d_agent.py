"""The agent's words and numbers, and the limits of the runtime (D)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.agent.engine import Identity
from edge_runtime.agent.module import NEVER
from edge_runtime.agent.plan import Command, Observed, plan
from edge_runtime.agent.reported import DesiredStatus, document
from edge_runtime.agent.restart import HEALTHY_S, MAXIMUM_RESTARTS, RECONCILE_S, History, RuntimeStatus
from edge_runtime.heads.mqtt import connection, server
from edge_runtime.hub import backoff, methods, module_delivery, upstream_delivery
from edge_runtime.hub.settings import DEFAULTS
from edge_runtime.manifest import ModuleSpec
from edge_runtime.manifest.create_options import join
from edge_runtime.supervisor.control_client import ControlClient
from edge_runtime.supervisor.deployment import Deployment, InvalidDesiredError
from edge_runtime.supervisor.reporter import Reporter
from tests.conformance.device import Device

SPEC = ModuleSpec("camera", "camera:1")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (server.MAX_CLIENTS, 100),
        (server.CONNECT_TIMEOUT_S, 60),
        (connection.MAX_SILENCE_S, 600),
        (module_delivery.ACK_TIMEOUT_S, 30),
        (DEFAULTS.message_cleanup_interval_s, 1800),
        (methods.RELEASE_DELAY_S, 3),
        ((backoff.FIRST_S, backoff.LAST_S), (1, 60)),
        (upstream_delivery.BATCH, 100),
        ((RECONCILE_S, HEALTHY_S, MAXIMUM_RESTARTS), (5, 600, 20)),
    ],
)
def test_limits_and_times(found: object, expected: object) -> None:
    """A.6-14a, A.6-14c, A.6-18, B.4-7b, B.8-3b, C.12-3b, C.12-6, D.2-6c, D.7-1; tests of each use smaller ones."""
    assert found == expected


def test_a_hundred_pieces_are_read() -> None:
    """D.1-17b: the agent reads more than the tools write."""
    text = json.dumps({"a": "x" * 991})
    assert len(text) == 1000
    pieces = {
        f"createOptions{n:02}" if n else "createOptions": text[10 * n : 10 * n + 10] for n in range(100)
    }
    assert join(pieces) == {"a": "x" * 991}


async def test_a_module_without_content_keeps_its_twin(device: Device) -> None:
    """D.1-20b"""
    await device.deploy({}, camera={"fps": 5})
    await device.deploy({})
    _, twin = await device.control("GET", "/modules/camera/twin")
    assert twin["desired"] == {"fps": 5, "$version": 2}


def test_the_words_of_a_modules_state() -> None:
    """D.2-1, D.3-4"""
    words = "unknown backoff running unhealthy stopped failed dead"
    assert [status.value for status in RuntimeStatus] == words.split()
    assert NEVER == "0001-01-01T00:00:00"


@pytest.mark.parametrize(
    "change",
    [
        {"image": "camera:2"},
        {"restart_policy": "never"},
        {"startup_order": 1},
        {"env": {"A": "1"}},
        {"create_options": {"HostConfig": {}}},
        {"image_pull_policy": "never"},
        {"version": "2"},
    ],
)
def test_each_difference_but_the_status_makes_a_new_instance(change: dict[str, Any]) -> None:
    """D.2-8"""
    ended = Observed(SPEC, History(restart_count=3, started_at=900.0, exited_at=999.0, exit_code=1))
    made = plan({"camera": replace(SPEC, **change)}, {"camera": ended}, 1000.0)
    assert [action.command for action in made.actions] == [Command.CREATE, Command.START]


def test_no_difference_is_forgotten() -> None:
    """D.2-8: the rows above are all that a module has but its name and status."""
    assert {field.name for field in fields(ModuleSpec)} - {"name", "status"} == {
        "image", "restart_policy", "startup_order", "env", "create_options", "image_pull_policy", "version"
    }  # fmt: skip


def test_the_agent_tells_its_version() -> None:
    """D.3-1"""
    reported = document({}, {}, {}, DesiredStatus(1))
    assert reported["version"].keys() == {"version", "build", "commit"}
    assert reported["runtime"]["platform"].keys() == {"os", "architecture", "version"}
    assert reported.keys() >= {"systemModules", "modules"}


class Twin(ControlClient):
    """`$edgeAgent`'s twin, kept here; what is written to it is written down."""

    def __init__(self, twin: dict[str, Any]) -> None:
        super().__init__(Path("nowhere.sock"))
        self.document = twin
        self.patches: list[Mapping[str, Any]] = []

    def twin(self, module: str | None, device: str | None = None) -> dict[str, Any]:
        assert module == "$edgeAgent"
        return self.document

    def patch_reported(self, module: str, patch: Any) -> int:
        self.patches.append(patch)
        return len(self.patches)


async def test_the_agent_reports_differences() -> None:
    """D.3-5: beginning with what the hub holds, and null for what is gone."""
    sections = [
        {"version": "1", "modules": {"camera": {"runtimeStatus": "running", "exitCode": 0}}},
        {"version": "1", "modules": {"camera": {"runtimeStatus": "backoff", "exitCode": 0}}},
        {"version": "1", "modules": {}},
    ]
    held = {"version": "1", "modules": {"gone": {}}, "$version": 4}
    client = Twin({"reported": held})
    reporter = Reporter(client, lambda: sections.pop(0))
    for _ in range(3):
        assert await reporter.flush()
    assert client.patches == [
        {"modules": {"gone": None, "camera": {"runtimeStatus": "running", "exitCode": 0}}},
        {"modules": {"camera": {"runtimeStatus": "backoff"}}},
        {"modules": {"camera": None}},
    ]


@pytest.mark.parametrize(
    ("desired", "code"),
    [
        ({"schemaVersion": "1.1", "modules": {"camera": {"type": "docker"}}}, 400),
        ({"schemaVersion": "2.0", "modules": {}}, 412),
        ({}, 417),
    ],
)
async def test_the_last_desired_version_moves_for_a_broken_deployment(
    desired: dict[str, Any], code: int
) -> None:
    """D.3-7, D.3-9, D.3-10, D.3-12"""
    client = Twin({"desired": {"$version": 7, **desired}})
    told: list[DesiredStatus] = []

    def apply(
        specs: tuple[ModuleSpec, ...] | None, identities: Mapping[str, Identity], desired: DesiredStatus
    ) -> None:
        assert specs is None
        told.append(desired)

    deployment = Deployment(client, {}, apply, lambda runtime: None)
    with pytest.raises(InvalidDesiredError):
        await deployment._take_up(again=False)
    assert [(status.version, status.code) for status in told] == [(7, code)]
