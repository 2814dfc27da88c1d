"""`.vscode/launch.json` by what it does: each module under debugpy in a running solution, its breakpoint hit."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.manifest import load
from edge_runtime.manifest.dockerfile import read as read_dockerfile
from tests.e2e.device import ROOT, edge_runtime, end_all
from tests.patience import PATIENCE_S, wait_for
from tests.vscode.dap import DebugAdapter
from tests.vscode.files import filled, read, task

PYTHON = ROOT / ".venv-pipeline" / "bin" / "python"
MODULES = ("camera", "classifier", "results_filter")
STATE = f"{ROOT}/.state/vscode"
# A line that each frame passes, and what a user might ask there.
BREAKPOINTS = {
    "camera": ("modules/camera/camera/frame_sender.py", "handed_over = await", "frame.width > 0"),
    "classifier": (
        "modules/classifier/classifier/feed.py",
        "self._counting.answered(",
        "prediction is not None",
    ),
    "results_filter": (
        "modules/results_filter/results_filter/module.py",
        "return policy.observe",
        "bool(prediction)",
    ),
}


def configuration(name: str) -> dict[str, Any]:
    (found,) = [one for one in read("launch.json")["configurations"] if one["name"] == name]
    document: dict[str, Any] = found
    return document


@contextmanager
def started(label: str, state: Path, address: str) -> Iterator[None]:
    """The background task, from the moment at which VS Code goes on: its `endsPattern` was seen."""
    described = filled(task(label))
    arguments = [argument.replace(STATE, str(state)) for argument in described["args"]]
    command = [described["command"], *arguments, "--address", address]
    ready = re.compile(described["problemMatcher"]["background"]["endsPattern"])
    log = state.with_name("task.log")
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=described["options"]["cwd"],
            stdout=output,
            stderr=output,
            env={**os.environ, "CAMERA_FPS": "10"},
        )
    try:

        def told() -> bool:
            assert process.poll() is None, log.read_text()
            return any(ready.search(line) for line in log.read_text().splitlines())

        wait_for(told, f"{ready.pattern} in what {label!r} says")
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE_S)
        end_all(state)


def line_of(file: str, text: str) -> int:
    (line,) = [
        number for number, line in enumerate((ROOT / file).read_text().splitlines(), 1) if text in line
    ]
    return line


@pytest.fixture(scope="module")
def _debugpy() -> None:
    done = (
        subprocess.run([str(PYTHON), "-c", "import debugpy"], capture_output=True, check=False)
        if PYTHON.exists()
        else None
    )
    if done is None or done.returncode:
        pytest.skip("debugpy is not there: scripts/venv .venv-pipeline requirements/pipeline.txt")


@pytest.mark.usefixtures("_debugpy")
@pytest.mark.parametrize("module", MODULES)
def test_a_breakpoint_of_a_module_is_hit_while_the_solution_runs(
    module: str, tmp_path: Path, loopback: str
) -> None:
    launch = configuration(f"{module}: as a process")
    state = tmp_path / "s"
    file, text, question = BREAKPOINTS[module]
    arguments = json.loads(json.dumps(filled(launch)).replace(STATE, str(state)))
    with started(launch["preLaunchTask"], state, loopback), DebugAdapter(PYTHON) as adapter:
        launched = adapter.send("launch", **arguments)
        adapter.event("initialized")
        source = {"path": str(ROOT / file)}
        placed = adapter.call("setBreakpoints", source=source, breakpoints=[{"line": line_of(file, text)}])
        assert [one["verified"] for one in placed["breakpoints"]] == [True]
        adapter.call("configurationDone")
        adapter.answer(launched)
        stopped = adapter.event("stopped")
        assert stopped["reason"] == "breakpoint"
        frame = adapter.call("stackTrace", threadId=stopped["threadId"])["stackFrames"][0]
        assert (frame["source"]["path"], frame["line"]) == (source["path"], line_of(file, text))
        answer = adapter.call("evaluate", expression=question, frameId=frame["id"])
        assert answer["result"] == "True"
        threads = {thread["name"] for thread in adapter.call("threads")["threads"]}
        assert "watchdog" not in threads, "it would end a module that somebody looks at for a minute"
        adapter.call("setBreakpoints", source=source, breakpoints=[])
        adapter.call("continue", threadId=stopped["threadId"])

        def upstream() -> bool:
            shown = edge_runtime("events", "--output", "events", "--json", "--state", str(state))
            return '"label"' in shown.stdout

        wait_for(upstream, f"an event upstream, with {module} under the debugger")
        adapter.call("disconnect", terminateDebuggee=True)


@pytest.mark.parametrize("module", MODULES)
def test_an_attached_debugger_finds_port_and_sources_of_the_debug_image(module: str) -> None:
    attach = configuration(f"{module}: in its debug image")
    template = ROOT / "deployment.debug.template.json"
    manifest = load(template, environment={}, env_file=ROOT / ".env.template", platform="amd64")
    (spec,) = [spec for spec in manifest.modules if spec.name == module]
    (published,) = spec.create_options["HostConfig"]["PortBindings"]["5678/tcp"]
    assert attach["connect"] == {"host": published["HostIp"], "port": int(published["HostPort"])}
    recipe = read_dockerfile(ROOT / "modules" / module / "Dockerfile.amd64.debug", ROOT)
    assert {mapping["remoteRoot"]: mapping["localRoot"] for mapping in filled(attach["pathMappings"])} == {
        copy.destination: str(copy.source) for copy in recipe.copies
    }


def test_every_configuration_names_tasks_that_there_are() -> None:
    labels = {one["label"] for one in read("tasks.json")["tasks"]}
    configurations = read("launch.json")["configurations"]
    named = {one[key] for one in configurations for key in ("preLaunchTask", "postDebugTask") if key in one}
    assert named <= labels
    assert {one["type"] for one in configurations} == {"debugpy"}
    assert len({one["name"] for one in configurations}) == len(configurations)
