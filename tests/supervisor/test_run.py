"""`run` as a whole: real processes, with a hub that fails the way a test wants."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_runtime.agent import kernel
from edge_runtime.agent.agent import STOP_GRACE_S
from tests.patience import PATIENCE_S, wait_for
from tests.supervisor.conftest import ROOT, Run, Solution, alive, command, leftovers, reported

Start = Callable[..., Run]

IGNORES_TERM = (
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(1000)"
)
ESCAPES = (
    "import subprocess, sys, time\n"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1000)'], start_new_session=True)\n"
    "print('up', flush=True); time.sleep(1000)"
)


@pytest.mark.usefixtures("heeds_hangup")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything_and_leaves_nothing(
    solution: Solution, run: Start, state: Path, number: signal.Signals
) -> None:
    solution.add("camera")
    solution.add("filter", ESCAPES)
    process = run()
    process.until_module("camera", "running")
    process.until_module("filter", "running")
    wait_for(lambda: "up" in process.log("filter"))
    assert len(list(kernel.marked(state))) == 4, "hub, two modules, and the one that escaped"
    assert process.stop(number) == 0
    assert leftovers(state) == []


def test_endpoints_tell_how_to_reach_everything(
    solution: Solution, run: Start, state: Path, loopback: str
) -> None:
    for name in ("filter", "camera"):
        solution.add(name)
    process = run("--device", "line-1")
    process.until_module("filter", "running")
    path = state / "endpoints.json"
    wait_for(path.exists)
    assert path.stat().st_mode & 0o777 == 0o600
    endpoints = json.loads(path.read_text())
    assert endpoints["device"] == "line-1"
    assert endpoints["address"] == loopback
    assert endpoints["iothub"]["connectionString"] is None
    modules = {"camera": f"{loopback}:9610", "filter": f"{loopback}:9611"}
    assert endpoints["metrics"] == {"edgeAgent": f"{loopback}:9601", **modules}
    assert endpoints["observer"]["token"]
    assert Path(endpoints["control"]).is_socket()
    assert process.stop() == 0


def test_a_module_finds_its_environment_and_none_of_ours(
    solution: Solution, run: Start, loopback: str
) -> None:
    solution.add("camera", env={"FPS": {"value": 5}})
    process = run("--device", "line-1", SECRET_OF_THE_USER="hunter2")
    process.until_module("camera", "running")
    wait_for(lambda: "IOTEDGE" in process.log("camera"))
    log = process.log("camera")
    assert "hunter2" not in log
    for name, value in {"FPS": "5", "IOTEDGE_DEVICEID": "line-1", "METRICS_ADDRESS": loopback}.items():
        assert f"{name!r}: {value!r}" in log
    assert process.stop() == 0


def test_the_hub_is_restarted_while_modules_go_on(solution: Solution, run: Start) -> None:
    solution.add("camera")
    process = run()
    process.until_module("camera", "running")
    before = process.registered()
    os.kill(before["hub"]["pid"], signal.SIGKILL)
    process.until(lambda line: line["type"] == "hub" and "exit code 137" in line["message"])
    process.until(lambda line: line["type"] == "hub" and "running" in line["message"])
    after = process.registered()
    assert after["hub"] != before["hub"]
    assert after["modules"] == before["modules"]
    assert alive(after["modules"]["camera"])
    assert process.stop() == 0


def test_after_kill_9_modules_and_hub_go_on_and_the_next_run_replaces_them(
    solution: Solution, run: Start, state: Path
) -> None:
    solution.add("camera", "import time\nwhile True: print('alive', flush=True); time.sleep(0.01)")
    solution.add("filter")
    first = run()
    for name in ("camera", "filter"):
        first.until_module(name, "running")
    left = first.registered()
    first.stop(signal.SIGKILL)
    length = len(first.log("camera"))
    wait_for(lambda: len(first.log("camera")) > length)
    assert all(alive(entry) for entry in (left["hub"], *left["modules"].values()))

    second = run()
    taken = second.until(lambda line: line["type"] == "takeover")
    assert taken["message"] == "ended what an earlier run left: camera, filter, the hub"
    for name in ("camera", "filter"):
        second.until_module(name, "running")
    assert not any(alive(entry) for entry in (left["hub"], *left["modules"].values()))
    assert len(list(kernel.marked(state))) == 3, "one hub and two modules, no second copy"
    assert second.stop() == 0
    assert leftovers(state) == []


def test_survivors_are_found_without_the_registry(solution: Solution, run: Start, state: Path) -> None:
    """As when the supervisor was killed between the start of a process and its record."""
    solution.add("camera")
    first = run()
    first.until_module("camera", "running")
    left = first.registered()
    first.stop(signal.SIGKILL)
    (state / "processes.json").unlink()
    second = run()
    second.until_module("camera", "running")
    assert not any(alive(entry) for entry in (left["hub"], *left["modules"].values()))
    assert second.stop() == 0


def test_a_pid_that_now_is_somebody_else_s_is_left_alone(solution: Solution, run: Start, state: Path) -> None:
    solution.add("camera")
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"]) as stranger:
        state.mkdir()
        entry = {"pid": stranger.pid, "started": 1}
        (state / "processes.json").write_text(json.dumps({"hub": entry, "modules": {"camera": entry}}))
        process = run()
        process.until_module("camera", "running")
        assert process.stop() == 0
        assert stranger.poll() is None
        stranger.kill()


def test_a_hub_that_keeps_dying_is_restarted_and_harms_no_module(solution: Solution, run: Start) -> None:
    solution.add("camera")
    process = run(hub="dies_after_ready")
    process.until_module("camera", "running")
    camera = process.registered()["modules"]["camera"]
    for _ in range(3):
        process.until(lambda line: line["type"] == "hub" and "exit code 7" in line["message"])
    assert alive(camera)
    assert process.stop() == 0


@pytest.mark.parametrize("hub", ["good", "mute"])
def test_a_stop_while_starting_leaves_nothing(solution: Solution, run: Start, state: Path, hub: str) -> None:
    solution.add("camera")
    process = run(hub=hub)
    wait_for((state / "processes.json").exists)
    assert process.stop(signal.SIGTERM) == 0
    assert leftovers(state) == []


@pytest.mark.parametrize("delay_s", [0.25, 0.35, 0.45, 0.6])
def test_a_stop_at_any_moment_leaves_nothing(
    solution: Solution, run: Start, state: Path, delay_s: float
) -> None:
    solution.add("camera")
    process = run()
    time.sleep(delay_s)
    assert process.stop(signal.SIGTERM) in {0, -signal.SIGTERM}
    assert leftovers(state) == []


def test_a_second_ctrl_c_does_not_wait(solution: Solution, run: Start, state: Path) -> None:
    solution.add("camera", IGNORES_TERM)
    process = run()
    process.until_module("camera", "running")
    wait_for(lambda: "up" in process.log("camera"))
    process.process.send_signal(signal.SIGINT)
    process.until(lambda line: line["type"] == "stopping")
    time.sleep(0.3)
    assert process.process.poll() is None, "the module ignores SIGTERM, so the first waits"
    second = time.monotonic()
    assert process.stop() == 0
    assert time.monotonic() - second < STOP_GRACE_S - 1, "else it is the end of the first one's grace"
    assert leftovers(state) == []


def test_stop_after(solution: Solution, run: Start, state: Path) -> None:
    solution.add("camera")
    code, errors = run("--stop-after", "1.5").end()
    assert code == 0
    # the stand-in hub makes no certificates, so there is nothing to serve HTTPS with
    assert [line for line in errors.splitlines() if "service API stays off" not in line] == []
    assert leftovers(state) == []


def test_nobody_reads_the_output(solution: Solution, run: Start, state: Path) -> None:
    solution.add("camera")
    process = run()
    assert process.process.stdout is not None
    process.process.stdout.close()
    wait_for((state / "endpoints.json").exists)
    wait_for(lambda: "camera" in process.registered()["modules"])
    process.process.send_signal(signal.SIGTERM)
    assert process.process.wait(PATIENCE_S) == 0
    assert leftovers(state) == []


def test_standard_output_is_closed(solution: Solution, state: Path, loopback: str) -> None:
    solution.add("camera")
    arguments = f"{solution.write()} --state {state} --address {loopback} --stop-after 3"
    command = f"exec {sys.executable} -m edge_runtime run {arguments} >&- 2>&-"
    result = subprocess.run(["bash", "-c", command], cwd=ROOT, check=False, timeout=PATIENCE_S)
    assert result.returncode == 0
    assert leftovers(state) == []


def test_module_gives_a_command(solution: Solution, run: Start) -> None:
    solution.deploy("foreign", "registry.example.com/foreign:1")
    process = run(
        "--module", "foreign=python3 -c 'print(\"given\", 1, flush=True); import time; time.sleep(1000)'"
    )
    process.until_module("foreign", "running")
    wait_for(lambda: "given 1" in process.log("foreign"))
    assert process.stop() == 0


def test_without_leaves_a_module_to_be_started_by_hand(solution: Solution, run: Start, state: Path) -> None:
    solution.add("camera")
    solution.add("filter", env={"TOKEN": {"value": "it's a # secret"}})
    process = run("--without", "filter")
    told = process.until(lambda line: line["type"] == "without")
    assert "secret" not in json.dumps(told)
    path = Path(told["environmentFile"])
    assert path.stat().st_mode & 0o777 == 0o600
    process.until_module("camera", "running")
    assert set(process.registered()["modules"]) == {"camera"}
    shell = f'set -a; . {path}; echo "$TOKEN|$IOTEDGE_MODULEID|$IOTEDGE_WORKLOADURI"'
    said = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=True).stdout.strip()
    assert said == f"it's a # secret|filter|unix://{state}/s/filter.sock"
    assert process.stop() == 0
    assert not path.exists()


def test_a_long_state_folder_puts_the_sockets_elsewhere(
    solution: Solution, state: Path, run: Start, tmp_path: Path
) -> None:
    solution.add("m" * 60)
    process = run(TMPDIR="/tmp")
    process.until(lambda line: line.get("runtimeStatus") == "running")
    sockets = Path(json.loads((state / "hub.json").read_text())["sockets"])
    assert not sockets.is_relative_to(state)
    assert sockets.stat().st_mode & 0o777 == 0o700
    assert process.stop() == 0
    assert not sockets.exists()


def test_sockets_of_a_killed_run_are_removed_wherever_they_are(
    solution: Solution, state: Path, run: Start
) -> None:
    solution.add("m" * 60)
    first = run(TMPDIR="/tmp")
    first.until(lambda line: line.get("runtimeStatus") == "running")
    sockets = Path(json.loads((state / "hub.json").read_text())["sockets"])
    first.stop(signal.SIGKILL)
    second = run(TMPDIR="/tmp")
    second.until(lambda line: line.get("runtimeStatus") == "running")
    assert not sockets.exists()
    assert second.stop() == 0


def test_what_happens_to_modules_is_reported(solution: Solution, run: Start, state: Path) -> None:
    solution.add("crashes", "import sys; sys.exit(3)")
    solution.add("ends", "pass", restartPolicy="never")
    process = run()
    process.until_module("crashes", "backoff")
    process.until_module("ends", "stopped")
    wait_for(lambda: reported(state).get("modules", {}).get("ends", {}).get("runtimeStatus") == "stopped")
    wait_for(lambda: reported(state)["modules"]["crashes"]["runtimeStatus"] == "backoff")
    crashed = reported(state)["modules"]["crashes"]
    assert crashed["exitCode"] == 3
    assert crashed["lastExitTimeUtc"] > crashed["lastStartTimeUtc"] > "2020"
    assert reported(state)["systemModules"]["edgeHub"]["runtimeStatus"] == "running"
    assert reported(state)["lastDesiredStatus"]["code"] == 200
    assert process.stop() == 0


def test_a_patch_of_edge_agents_twin_stops_a_module_and_a_broken_one_changes_nothing(
    solution: Solution, run: Start, state: Path
) -> None:
    solution.add("camera")
    solution.add("filter")
    process = run()
    process.until_up("filter")
    broken = command(
        state, "twin", "$edgeAgent", "--patch", '{"modules": {"filter": {"restartPolicy": "sometimes"}}}'
    )
    assert broken.returncode == 0
    wait_for(lambda: reported(state)["lastDesiredStatus"]["code"] == 400)
    assert alive(process.registered()["modules"]["filter"])
    mended = '{"modules": {"filter": {"restartPolicy": "always"}, "camera": {"status": "stopped"}}}'
    assert command(state, "twin", "$edgeAgent", "--patch", mended).returncode == 0
    process.until_module("camera", "stopped")
    assert set(process.registered()["modules"]) == {"filter"}
    wait_for(lambda: reported(state)["lastDesiredStatus"]["code"] == 200)
    assert process.stop() == 0
