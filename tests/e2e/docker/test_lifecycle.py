"""Containers follow what is desired, and none of ours stays."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker import APIClient

from tests.e2e.device import Device, alive, edge_runtime
from tests.e2e.docker.conftest import StartContainers, networks, ours
from tests.e2e.docker.deployment import module
from tests.e2e.docker.watching import call, reported, until_status
from tests.patience import wait_for


@pytest.fixture
def bystander(api: APIClient, image: str) -> Iterator[str]:
    """A container of somebody else."""
    container: str = api.create_container(image, command=["sleep", "1000"])["Id"]
    api.start(container)
    yield container
    api.remove_container(container, force=True)


def states(api: APIClient, state: Path) -> dict[str, str]:
    return {entry["Labels"]["edge-runtime.module"]: entry["State"] for entry in ours(api, state)}


def patch_modules(device: Device, patch: dict[str, Any]) -> None:
    device.control.patch_desired("$edgeAgent", {"modules": patch})


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_leaves_no_container_no_network_and_others_alone(
    containers: StartContainers, image: str, api: APIClient, bystander: str, number: signal.Signals
) -> None:
    device = containers({"pipe": module(image), "idle": module(image, status="stopped")}).up()
    call(device, "pipe", "look")
    assert len(networks(api, device.state)) == 1
    assert device.stop(number) == 0
    assert (ours(api, device.state), networks(api, device.state)) == ([], [])
    assert not (device.state / "docker.json").exists()
    assert not (device.state / "s").exists()
    assert api.inspect_container(bystander)["State"]["Running"]


@pytest.mark.parametrize("engine", ["docker", "process"])
def test_what_a_killed_run_leaves_goes_on_until_the_next_run_takes_it_over(
    containers: StartContainers, image: str, api: APIClient, short: Path, loopback: str, engine: str
) -> None:
    device = containers({"pipe": module(image)}).up()
    until_status(device, "pipe", "running")
    call(device, "pipe", "look")
    hub = device.hub()
    device.kill()
    (left,) = ours(api, device.state)
    assert left["State"] == "running"
    assert call(device, "pipe", "look")["uid"] != 0
    (device.state / "endpoints.json").unlink()
    if engine == "docker":
        again = containers().up()
        wait_for(
            lambda: [c["Id"] for c in ours(api, again.state) if c["Id"] != left["Id"]], "a new container"
        )
        assert "ended what an earlier run left: pipe" in again.said()
        call(again, "pipe", "look")
        assert again.stop() == 0
    else:
        again = Device(short / "deployment.json", device.state, loopback, "--without", "pipe").up()
        assert again.stop() == 0
    assert not alive(hub)
    assert (ours(api, device.state), networks(api, device.state)) == ([], [])


def test_a_module_that_ends_backs_off_and_starts_again_in_the_same_container(
    containers: StartContainers, image: str, api: APIClient
) -> None:
    device = containers({"pipe": module(image), "other": module(image, restartPolicy="never")}).up()
    call(device, "pipe", "write", {"path": "/tmp/kept", "text": "by the first"})
    before = ours(api, device.state)
    call(device, "pipe", "end", 3)
    call(device, "other", "end", 0)
    failed = until_status(device, "pipe", "backoff")
    (container,) = [entry for entry in before if entry["Labels"]["edge-runtime.module"] == "pipe"]
    state = api.inspect_container(container["Id"])["State"]
    assert failed["lastStartTimeUtc"] == f"{state['StartedAt'][:23]}Z"
    assert failed["lastExitTimeUtc"] == f"{state['FinishedAt'][:23]}Z"
    assert failed["exitCode"] == 3
    assert failed["statusDescription"] == "exit code 3; restart 1 after 10 s"
    assert until_status(device, "other", "stopped")["exitCode"] == 0
    running = until_status(device, "pipe", "running")
    assert running["restartCount"] == 1
    assert call(device, "pipe", "read", "/tmp/kept") == "by the first"
    assert {entry["Id"] for entry in ours(api, device.state)} == {entry["Id"] for entry in before}


def test_a_change_of_what_is_desired_replaces_stops_and_removes_containers(
    containers: StartContainers, image: str, api: APIClient
) -> None:
    device = containers({"changed": module(image), "stopped": module(image), "removed": module(image)}).up()
    for name in ("changed", "stopped", "removed"):
        until_status(device, name, "running")
    before = {entry["Labels"]["edge-runtime.module"]: entry["Id"] for entry in ours(api, device.state)}
    patch_modules(
        device, {"changed": {"env": {"A": {"value": 1}}}, "stopped": {"status": "stopped"}, "removed": None}
    )
    wanted = {"changed": "running", "stopped": "exited"}
    wait_for(
        lambda: states(api, device.state) == wanted and before["changed"] not in str(ours(api, device.state)),
        "it",
    )
    assert call(device, "changed", "look")["variables"]["A"] == "1"
    patch_modules(device, {"stopped": {"status": "running"}})
    until_status(device, "stopped", "running")
    assert before["stopped"] in {entry["Id"] for entry in ours(api, device.state)}


def test_a_container_that_somebody_removes_is_made_again(
    containers: StartContainers, image: str, api: APIClient
) -> None:
    device = containers({"pipe": module(image)}).up()
    until_status(device, "pipe", "running")
    (container,) = ours(api, device.state)
    api.remove_container(container["Id"], force=True)
    assert until_status(device, "pipe", "backoff")["exitCode"] == 137
    until_status(device, "pipe", "running")
    (again,) = ours(api, device.state)
    assert again["Id"] != container["Id"]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "network": ({"HostConfig": {"NetworkMode": "no-such-network"}}, "network no-such-network not found"),
    "device": (
        {"HostConfig": {"Devices": [{"PathOnHost": "/dev/none", "PathInContainer": "/dev/none"}]}},
        "/dev/none",
    ),
    "limit": ({"HostConfig": {"Memory": 1}}, "memory limit"),
    "program": ({"Cmd": ["no-such-program"]}, "no-such-program"),
    "shape": ({"HostConfig": ["wrong"]}, "createOptions.HostConfig must be an object"),
    "type": ({"HostConfig": {"Memory": "much"}}, "HostConfig.Memory of type int64"),
}


def test_what_the_engine_refuses_is_reported_while_others_run(
    containers: StartContainers, image: str
) -> None:
    broken = {name: module(image, options) for name, (options, _) in REFUSED.items()}
    device = containers({**broken, "pipe": module(image)}).up()
    for name, (_, reason) in REFUSED.items():
        assert reason.lower() in until_status(device, name, "backoff")["statusDescription"].lower()
    call(device, "pipe", "look")


def test_a_module_gets_the_time_to_stop_that_it_asks_for_and_is_killed_then(
    containers: StartContainers, image: str, api: APIClient
) -> None:
    deaf = {"Cmd": ["python3", "-c", "import time; time.sleep(1000)"], "StopTimeout": 1}
    device = containers({"pipe": module(image, deaf)}).up()
    until_status(device, "pipe", "running")
    (container,) = ours(api, device.state)
    patch_modules(device, {"pipe": {"status": "stopped"}})
    assert until_status(device, "pipe", "stopped")["exitCode"] == 137
    state = api.inspect_container(container["Id"])["State"]
    assert (state["Running"], state["OOMKilled"]) == (False, False)


def test_an_image_that_is_not_here_is_reported_while_others_run(
    containers: StartContainers, image: str
) -> None:
    missing = "127.0.0.1:1/no-such-image:1"
    device = containers(
        {
            "built": module(missing),
            "pulled": module(missing, imagePullPolicy="on-create", restartPolicy="never"),
            "pipe": module(image, imagePullPolicy="on-create"),
        }
    ).up()
    assert "imagePullPolicy is never" in until_status(device, "built", "backoff")["statusDescription"]
    assert "cannot be pulled" in until_status(device, "pulled", "failed")["statusDescription"]
    # In no registry, but on this machine.
    until_status(device, "pipe", "running")
    assert "cannot be pulled" in device.said()


def test_memory_that_does_not_suffice_is_named(containers: StartContainers, image: str) -> None:
    limits = {"Memory": 32 * 1024 * 1024, "MemorySwap": 32 * 1024 * 1024}
    greedy = {"Cmd": ["python3", "-c", "bytearray(b'x') * 10**9"], "HostConfig": limits}
    device = containers({"greedy": module(image, greedy)}).up()
    failed = until_status(device, "greedy", "backoff")
    assert failed["statusDescription"].startswith(
        "exit code 137: the memory that it may have did not suffice"
    )


def test_a_health_check_that_fails_is_reported_and_restarts_the_module(
    containers: StartContainers, image: str
) -> None:
    second = 1_000_000_000
    check = {
        "Test": ["CMD-SHELL", "test ! -e /tmp/sick || (echo fever; exit 1)"],
        "Interval": second,
        "Retries": 2,
    }
    device = containers({"pipe": module(image, {"Healthcheck": check}, restartPolicy="on-unhealthy")}).up()
    call(device, "pipe", "write", {"path": "/tmp/sick", "text": ""})
    sick = wait_for(
        lambda: (found := reported(device, "pipe")) and "fever" in found["statusDescription"] and found,
        "the check's complaint",
    )
    assert sick["runtimeStatus"] in {"unhealthy", "backoff"}
    wait_for(lambda: reported(device, "pipe")["restartCount"] == 1, "the restart")


def test_without_and_module_work_beside_containers(
    containers: StartContainers, image: str, api: APIClient, short: Path
) -> None:
    program = short / "main.py"
    program.write_text("import os, time; print(os.environ['IOTEDGE_MODULEID'], flush=True); time.sleep(1000)")
    device = containers(
        {"pipe": module(image), "process": module("no/image:1"), "mine": module("no/image:1")},
        None,
        *("--module", f"process=python3 {program}", "--without", "mine"),
    ).up()
    until_status(device, "pipe", "running")
    until_status(device, "process", "running")
    wait_for(lambda: device.log("process") == "process\n", "the process's output")
    assert set(states(api, device.state)) == {"pipe"}
    assert device.endpoints is not None
    environment = device.environment_of("mine")
    assert environment["IOTEDGE_GATEWAYHOSTNAME"] == device.endpoints["address"]
    assert Path(environment["IOTEDGE_WORKLOADURI"].removeprefix("unix://")).is_socket()


def test_logs_come_from_the_engine(containers: StartContainers, image: str) -> None:
    routes = {
        "pipe": 'FROM /messages/modules/pipe/outputs/out INTO BrokeredEndpoint("/modules/pipe/inputs/input1")'
    }
    device = containers({"pipe": module(image)}, routes).up()
    call(device, "pipe", "send", {"output": "out", "text": '{"n": 1}'})

    def lines() -> list[str]:
        items = {"id": "pipe", "filter": {"tail": 20}}
        payload = {"schemaVersion": "1.0", "items": items, "encoding": "none", "contentType": "json"}
        answer = device.control.invoke("$edgeAgent", {"methodName": "GetModuleLogs", "payload": payload}, 60)
        assert answer["status"] == 200, answer
        found = json.loads(answer["payload"][0]["payload"]) if answer["payload"] else []
        return [f"{entry['stream']}: {entry['text'].strip()}" for entry in found]

    wait_for(lambda: "stderr: forwarding message to output1" in lines(), "the log")
    assert "stdout: the message on input1 is b'{\"n\": 1}'" in lines()


def test_the_command_line_refuses_what_has_no_meaning(short: Path) -> None:
    refused = edge_runtime(
        "run", "x.json", "--engine", "docker", "--address", "127.0.0.2", "--state", str(short)
    )
    assert refused.returncode == 2
    assert "leave --address out" in refused.stderr
