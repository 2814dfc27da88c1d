"""`$edgeAgent`'s reported properties (spec D.3)."""

from __future__ import annotations

import json
from typing import Any

from edge_runtime.agent.module import NEVER, ModuleState
from edge_runtime.agent.reported import DesiredStatus, document
from edge_runtime.agent.restart import RuntimeStatus
from edge_runtime.manifest import ModuleSpec

SPEC = ModuleSpec(
    "camera", "r/camera:1", env={"PASSWORD": "hunter2"}, create_options={"Env": ["A=hunter2"]}, version="1.0"
)
STATE = ModuleState("camera", RuntimeStatus.BACKOFF, "exit code 1; restart 1 after 10 s", 1, 0, "t0", "t1")
AGENT = (ModuleSpec("edgeAgent", "agent:1"), ModuleState("edgeAgent", RuntimeStatus.RUNNING, "pid 1"))
HUB = (ModuleSpec("edgeHub", "hub:1"), ModuleState("edgeHub", RuntimeStatus.RUNNING, "pid 2"))


def made() -> dict[str, Any]:
    return document(
        {"camera": SPEC},
        {"camera": STATE},
        {"edgeAgent": AGENT, "edgeHub": HUB},
        DesiredStatus(4, 400, "why"),
    )


def test_shape() -> None:
    reported = made()
    assert reported["schemaVersion"] == "1.0"
    assert reported["lastDesiredVersion"] == 4
    assert reported["lastDesiredStatus"] == {"code": 400, "description": "why"}
    assert reported["runtime"]["platform"]["os"] == "linux"
    assert reported["modules"] == {
        "camera": {
            "type": "docker",
            "status": "running",
            "restartPolicy": "always",
            "imagePullPolicy": "on-create",
            "startupOrder": 4294967295,
            "version": "1.0",
            "exitCode": 1,
            "statusDescription": "exit code 1; restart 1 after 10 s",
            "lastStartTimeUtc": "t0",
            "lastExitTimeUtc": "t1",
            "restartCount": 0,
            "lastRestartTimeUtc": NEVER,
            "runtimeStatus": "backoff",
            "settings": {"image": "r/camera:1", "imageHash": ""},
        }
    }


def test_edge_agents_own_entry_lacks_what_no_policy_rules() -> None:
    agent, hub = made()["systemModules"]["edgeAgent"], made()["systemModules"]["edgeHub"]
    missing = {"version", "status", "restartPolicy", "restartCount", "lastRestartTimeUtc", "startupOrder"}
    assert hub.keys() - agent.keys() == missing


def test_no_secret_of_the_environment_is_reported() -> None:
    assert "hunter2" not in json.dumps(made())


def test_a_step_that_failed_makes_it_500_with_the_reason() -> None:
    done = DesiredStatus(4)
    assert (done.code, done.description) == (200, "")
    assert done.after({}) == done
    failed = done.after({"camera": "no source", "filter": "no python3"})
    assert failed == DesiredStatus(4, 500, "camera: no source; filter: no python3")


def test_what_could_not_be_read_stays_so_whatever_fails_besides() -> None:
    assert made()["lastDesiredStatus"]["code"] == 400
    assert DesiredStatus(4, 400, "why").after({"camera": "no source"}) == DesiredStatus(4, 400, "why")


def test_an_agent_that_does_not_run_says_so() -> None:
    assert DesiredStatus(4, 500, "why").stopped() == DesiredStatus(4, 406, "Agent is not running")
