"""The supervisor's small decisions: pauses, desired modules, what is announced."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edge_runtime.agent.module import ModuleState
from edge_runtime.agent.restart import RuntimeStatus
from edge_runtime.supervisor.announce import Announcer
from edge_runtime.supervisor.deployment import InvalidDesiredError, specs_of
from edge_runtime.supervisor.hub_child import had_settled, pause_s
from edge_runtime.supervisor.options import parse

MODULE = {
    "type": "docker",
    "status": "running",
    "restartPolicy": "always",
    "settings": {"image": "camera:1", "createOptions": "{}"},
}


@pytest.mark.parametrize(
    ("quick_deaths", "was_ready", "seconds"),
    [
        (0, False, 0),
        (3, False, 0),
        (4, False, 0.5),
        (6, False, 2),
        (9, False, 16),
        (10, False, 30),
        (10_000, False, 30),
        (3, True, 0),
        (4, True, 0.5),
        (10_000, True, 1),  # it served: what killed it was not its start
    ],
)
def test_a_killed_hub_comes_back_at_once_and_a_crash_loop_slows_down(
    quick_deaths: int, was_ready: bool, seconds: float
) -> None:
    assert pause_s(quick_deaths, was_ready=was_ready) == seconds


@pytest.mark.parametrize(
    ("lived_s", "was_ready", "settled"),
    [(0.9, True, False), (1.1, True, True), (4.9, False, False), (5.1, False, True)],
)
def test_a_hub_that_served_and_was_killed_is_started_again_without_a_pause(
    lived_s: float, was_ready: bool, settled: bool
) -> None:
    assert had_settled(lived_s, was_ready=was_ready) is settled


def test_desired_modules_are_read_from_the_twin() -> None:
    desired = {"schemaVersion": "1.1", "$version": 4, "modules": {"camera": MODULE}}
    assert [(spec.name, spec.image) for spec in specs_of(desired)] == [("camera", "camera:1")]
    assert specs_of({"schemaVersion": "1.0", "$version": 1}) == ()


@pytest.mark.parametrize(
    "module",
    [
        {},
        MODULE | {"restartPolicy": "sometimes"},
        MODULE | {"status": "paused"},
        MODULE | {"settings": {}},
        MODULE | {"startupOrder": -1},
        MODULE | {"settings": {"image": "camera:1", "createOptions": "{"}},
        5,
        None,
    ],
)
def test_a_module_that_breaks_the_schema_is_named(module: Any) -> None:
    with pytest.raises(InvalidDesiredError, match=r"modules\.broken"):
        specs_of({"schemaVersion": "1.1", "modules": {"camera": MODULE, "broken": module}})


@pytest.mark.parametrize("modules", [5, [], "camera"])
def test_modules_of_another_kind_are_refused(modules: Any) -> None:
    with pytest.raises(InvalidDesiredError, match="modules"):
        specs_of({"schemaVersion": "1.1", "modules": modules})


@pytest.mark.parametrize("runtime", [5, ["docker"], "docker"])
def test_a_runtime_of_another_kind_is_refused(runtime: Any) -> None:
    with pytest.raises(InvalidDesiredError, match="runtime must be an object"):
        specs_of({"schemaVersion": "1.1", "runtime": runtime, "modules": {"camera": MODULE}})


@pytest.mark.parametrize("schema", ["1.0", "1.1", "1.1.0", "1.0.0.0"])
def test_schemas_that_are_known(schema: str) -> None:
    assert len(specs_of({"schemaVersion": schema, "modules": {"camera": MODULE}})) == 1


@pytest.mark.parametrize("schema", [None, "", "1", "1.2", "2.0", "0.9", "1.1x", 1.1])
def test_a_schema_that_is_not_known_is_412(schema: Any) -> None:
    desired = {"schemaVersion": schema, "modules": {"camera": {}}}
    with pytest.raises(
        InvalidDesiredError, match=r"schemaVersion .* this agent knows 1\.0 and 1\.1"
    ) as refusal:
        specs_of(desired)
    assert refusal.value.code == 412


@pytest.mark.parametrize("desired", [{}, {"$version": 3}])
def test_no_deployment_at_all_is_417(desired: dict[str, Any]) -> None:
    with pytest.raises(InvalidDesiredError, match="empty configuration") as refusal:
        specs_of(desired)
    assert refusal.value.code == 417


def test_what_cannot_be_read_is_400() -> None:
    with pytest.raises(InvalidDesiredError) as refusal:
        specs_of({"schemaVersion": "1.1", "modules": 5})
    assert refusal.value.code == 400


def test_the_same_state_is_announced_once(capsys: pytest.CaptureFixture[str]) -> None:
    announcer = Announcer(as_json=True)
    state = ModuleState("camera", RuntimeStatus.BACKOFF, "exit code 1; restart 1 after 10 s", exit_code=1)
    announcer.module(state)
    announcer.module(state)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["module"], line["runtimeStatus"], line["exitCode"]) for line in lines] == [
        ("camera", "backoff", 1)
    ]


def test_lines_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    Announcer(as_json=False).module(ModuleState("camera", RuntimeStatus.RUNNING, "pid 7"))
    assert capsys.readouterr().out.endswith(" camera: running (pid 7)\n")


def test_command_line_of_run() -> None:
    options = parse(
        ["m.json", "--module", "a=python3 -m 'a b'", "--without", "b", "--without", "c", "--state", "/s"]
    )
    assert options.commands == {"a": ("python3", "-m", "a b")}
    assert options.without == {"b", "c"}
    assert (options.device, options.address, str(options.state)) == ("edge", "127.0.0.1", "/s")
