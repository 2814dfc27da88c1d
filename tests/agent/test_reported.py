"""`$edgeAgent`'s reported properties (spec D.3)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.agent.module import NEVER, ModuleState
from edge_runtime.agent.reported import DesiredStatus, difference, document
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


@pytest.mark.parametrize(
    ("old", "new", "patch"),
    [
        ({}, {"a": 1}, {"a": 1}),
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1, "$version": 7}, {"b": 1}, {"a": None, "b": 1}),
        ({"m": {"x": {"s": 1}, "y": {"s": 1}}}, {"m": {"x": {"s": 2}}}, {"m": {"x": {"s": 2}, "y": None}}),
        ({"m": {"x": 1}}, {"m": 5}, {"m": 5}),
        ({"m": 5}, {"m": {}}, {"m": {}}),
        ({"m": {}}, {"m": {}}, {}),
        ({"a": True}, {"a": 1}, {}),  # equal in Python; no status of ours changes its type
    ],
)
def test_difference(old: dict[str, Any], new: dict[str, Any], patch: dict[str, Any]) -> None:
    assert difference(old, new) == patch


def merge(into: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """The twin's rule (spec B.7)."""
    merged = dict(into)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            before = merged.get(name)
            merged[name] = merge(before if isinstance(before, dict) else {}, value)
        else:
            merged[name] = value
    return merged


sections = st.recursive(
    st.integers(0, 3), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8
).filter(lambda value: isinstance(value, dict))


@given(old=sections, new=sections)
def test_the_twin_becomes_the_new_document(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert merge(old, difference(old, new)) == new
