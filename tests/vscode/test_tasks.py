"""`.vscode/tasks.json`: each command exists, with its options; each variable has its input."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests import commands
from tests.e2e.device import ROOT
from tests.vscode.files import FOLDER, filled, read

DOCUMENT = read("tasks.json")
TASKS = {task["label"]: task for task in DOCUMENT["tasks"]}


@pytest.mark.parametrize("label", [label for label, task in TASKS.items() if task["type"] == "process"])
def test_its_command_exists_and_has_these_options(label: str) -> None:
    task = filled(TASKS[label], input_platform="amd64", input_environment="dev")
    words = [str(Path(task["command"]).relative_to(ROOT)), *task["args"]]
    assert commands.problem(words) is None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["scripts/none"], "is no script"),
        (["scripts/edge", "run", "--wihtout", "camera"], "has no --wihtout"),
        (["scripts/edge", "events", "--without"], "has no --without"),
        (["scripts/build", "--platform=amd64", "--pull"], "has no --pull"),
    ],
)
def test_a_wrong_command_is_found(words: list[str], told: str) -> None:
    assert told in str(commands.problem(words))


def test_every_variable_is_known() -> None:
    asked = set(re.findall(r"\$\{input:(\w+)}", json.dumps(DOCUMENT)))
    assert asked == {one["id"] for one in DOCUMENT["inputs"]}
    for name in ("tasks.json", "launch.json", "settings.json", "extensions.json"):
        variables = set(re.findall(r"\$\{(\w+)", (FOLDER / name).read_text()))
        assert variables <= {"workspaceFolder", "file", "input"}


def test_what_can_be_picked_exists() -> None:
    picks: dict[str, Any] = {one["id"]: one.get("options") for one in DOCUMENT["inputs"]}
    platforms = json.loads((ROOT / "modules/camera/module.json").read_text())["image"]["tag"]["platforms"]
    assert set(picks["platform"]) <= set(platforms)
    assert {f"{name}.env" for name in picks["environment"]} == {
        file.name for file in (ROOT / "environments").iterdir()
    }


def test_a_finding_of_the_doctor_is_a_problem_in_the_editor() -> None:
    pattern = TASKS["doctor: template"]["problemMatcher"]["pattern"]
    found = re.match(pattern["regexp"], "/s/deployment.template.json:235:25: error: 'priority' is above 9")
    assert found
    parts = [found[pattern[part]] for part in ("file", "line", "column", "severity", "message")]
    assert parts == ["/s/deployment.template.json", "235", "25", "error", "'priority' is above 9"]


def test_folders_of_the_settings_exist() -> None:
    settings = read("settings.json")
    assert all((ROOT / path).is_dir() for path in settings["python.analysis.extraPaths"])
