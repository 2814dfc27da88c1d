"""`run` with the real hub and the real SDK in a module."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.agent import kernel
from edge_runtime.supervisor.control_client import ControlClient, ControlError
from tests.patience import wait_for
from tests.supervisor.conftest import Run, Solution, command

Start = Callable[..., Run]

SENDS = """
import json, os, signal, time
from azure.iot.device import IoTHubModuleClient, Message, MethodResponse

client = IoTHubModuleClient.create_from_edge_environment()
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))

def on_method(request):
    status = 207 if request.payload else 404
    client.send_method_response(MethodResponse(request.request_id, status, {"got": request.payload}))

def on_patch(patch):
    client.patch_twin_reported_properties({"fps": patch["fps"]})

client.on_method_request_received = on_method
client.on_twin_desired_properties_patch_received = on_patch
client.get_twin()
for number in range(1000):
    message = Message(json.dumps({"n": number}), content_type="application/json", content_encoding="utf-8")
    message.message_id = f"m{number}"
    while True:
        try:
            client.send_message_to_output(message, "numbers")
            break
        except Exception:  # the hub is away; the SDK connects again when asked to send
            time.sleep(0.1)
    print("sent", number, flush=True)
    time.sleep(0.05)
"""


def events(state: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in command(state, "events", "--json").stdout.splitlines()]


def client(state: Path) -> ControlClient:
    return ControlClient(Path(json.loads((state / "endpoints.json").read_text())["control"]))


def test_a_module_s_messages_arrive_once_each_although_hub_and_supervisor_are_killed(
    solution: Solution, run: Start, state: Path
) -> None:
    solution.add("sender", SENDS)
    first = run(hub=None)
    first.until_module("sender", "running")
    wait_for(lambda: "sent 5\n" in first.log("sender"))
    os.kill(first.registered()["hub"]["pid"], signal.SIGKILL)
    wait_for(lambda: "sent 20\n" in first.log("sender"))
    first.stop(signal.SIGKILL)
    wait_for(lambda: "sent 30\n" in first.log("sender"))
    second = run(hub=None)
    second.until_module("sender", "running")
    wait_for(lambda: first.log("sender").count("sent 0\n") == 2)
    before = first.log("sender").split("sent 0\n")[1].splitlines()
    last = max(int(line.split()[1]) for line in before if line.startswith("sent "))

    def both_lives_arrived() -> bool:
        ids = [event["systemProperties"]["message-id"] for event in events(state)]
        return f"m{last}" in ids and ids.count("m0") > 1

    wait_for(both_lives_arrived)
    assert second.stop() == 0
    arrived = [event["body"]["n"] for event in events(state)]
    again = arrived.index(0, 1)
    once = list(dict.fromkeys(arrived[:again]))
    assert once == list(range(len(once))), "in order, and none missing"
    assert len(once) > last
    assert list(kernel.marked(state)) == []


def test_twin_and_method_reach_the_module(solution: Solution, run: Start, state: Path) -> None:
    solution.add("sender", SENDS)
    process = run(hub=None)
    process.until_module("sender", "running")
    wait_for(lambda: "sent 0\n" in process.log("sender"))
    assert command(state, "twin", "sender", "--patch", '{"fps": 7}').returncode == 0
    wait_for(lambda: client(state).twin("sender")["reported"].get("fps") == 7)
    shown = command(state, "twin", "sender")
    assert json.loads(shown.stdout)["desired"]["fps"] == 7
    called = command(state, "method", "sender", "count", "--payload", '{"a": 1}', "--timeout", "10")
    assert (called.returncode, json.loads(called.stdout)) == (0, {"got": {"a": 1}})
    refused = command(state, "method", "sender", "count")
    assert refused.returncode == 1
    assert "status 404" in refused.stderr
    unknown = command(state, "twin", "nobody")
    assert unknown.returncode == 1
    assert "nobody" in unknown.stderr
    assert process.stop() == 0


def test_a_broken_route_on_a_running_device_is_refused_and_a_restarted_hub_keeps_what_was_patched(
    solution: Solution, run: Start, state: Path
) -> None:
    solution.add("camera")
    process = run(hub=None)
    process.until_up("camera")
    hub_control = client(state)
    agent, hub = (hub_control.twin(name)["desired"] for name in ("$edgeAgent", "$edgeHub"))
    broken = {**hub, "routes": {"broken": "FROM /messages/* WHERE a = 1 INTO $upstream"}}
    with pytest.raises(ControlError, match="broken") as refusal:
        hub_control.configure(
            {"$edgeAgent": {"properties.desired": agent}, "$edgeHub": {"properties.desired": broken}}
        )
    assert refusal.value.status == 400
    assert hub_control.twin("$edgeHub")["desired"]["routes"] == hub["routes"]

    version = hub_control.patch_desired("camera", {"fps": 3})
    process.kill_hub()
    assert hub_control.twin("camera")["desired"] == {"fps": 3, "$version": version}
    assert hub_control.twin("$edgeAgent")["desired"]["$version"] == agent["$version"]

    def restarts() -> int:
        reported: dict[str, Any] = hub_control.twin("$edgeAgent")["reported"]
        return int(reported["systemModules"]["edgeHub"]["restartCount"])

    wait_for(lambda: restarts() == 1)
    assert process.stop() == 0


def test_a_taken_port_ends_the_run_with_exit_code_3(
    solution: Solution, run: Start, state: Path, loopback: str
) -> None:
    solution.add("camera")
    with socket.socket() as other:
        other.bind((loopback, 8883))
        other.listen()
        code, errors = run(hub=None).end()
    assert code == 3
    assert f"{loopback}:8883" in errors
    assert "Traceback" not in errors
    assert list(kernel.marked(state)) == []


def test_a_module_added_by_a_patch_gets_an_identity_and_starts_and_a_removed_one_ends(
    solution: Solution, run: Start, state: Path
) -> None:
    solution.add("camera")
    process = run(hub=None)
    process.until_up("camera")
    added = {
        "type": "docker",
        "status": "running",
        "restartPolicy": "always",
        "version": "1.0",
        "settings": {"image": "localhost:5000/camera:0.0.1-amd64", "createOptions": "{}"},
    }
    patch = json.dumps({"modules": {"camera": None, "second": added}})
    assert command(state, "twin", "$edgeAgent", "--patch", patch).returncode == 0
    process.until_module("second", "running")
    wait_for(lambda: set(process.registered()["modules"]) == {"second"})
    wait_for(
        lambda: (
            set(json.loads((state / "endpoints.json").read_text())["metrics"])
            == {"edgeAgent", "edgeHub", "second"}
        )
    )
    assert (state / "s" / "second" / "workload.sock").is_socket()
    wait_for(lambda: set(client(state).twin("$edgeAgent")["reported"]["modules"]) == {"second"})
    assert process.stop() == 0


@pytest.mark.parametrize(
    ("level", "said"),
    [("debug", " [DBG] "), ("loud", "RuntimeLogLevel: 'loud' is none of fatal, error, warning, info")],
)
def test_the_manifest_sets_the_hub_s_log_level(
    solution: Solution, run: Start, state: Path, level: str, said: str
) -> None:
    solution.hub_variables["RuntimeLogLevel"] = level
    started = run(hub=None)
    started.until(lambda line: line["type"] == "hub")
    wait_for(lambda: said in (state / "logs" / "edgeHub.log").read_text())


def test_edge_hubs_settings_come_from_its_env(solution: Solution, run: Start, state: Path) -> None:
    """D.7-3: a limit of one client, so that of two modules one is kept out; what means nothing is told."""
    connects = (
        "import time\nfrom azure.iot.device import IoTHubModuleClient\n"
        "client = IoTHubModuleClient.create_from_edge_environment(connection_retry_interval=1)\n"
        "client.connect()\ntime.sleep(1000)\n"
    )
    for name in ("first", "second"):
        solution.add(name, connects)
    solution.hub_variables |= {"MaxConnectedClients": "1", "OptimizeForPerformance": "false"}
    started = run(hub=None)
    log = state / "logs" / "edgeHub.log"
    wait_for(lambda: log.exists() and "1 clients are connected, which is the limit" in log.read_text())
    assert json.loads((state / "hub.json").read_text())["settings"] == {"MaxConnectedClients": 1}
    started.process.send_signal(signal.SIGTERM)
    assert "edgeHub's env OptimizeForPerformance has no effect on this hub" in started.end()[1]
