"""`$edgeAgent`'s and `$edgeHub`'s methods, called from every side of a device that runs (spec D.4, D.5, E.5)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.agent.methods.storage import storage
from tests.e2e.conftest import StartDevice
from tests.e2e.device import Device, alive
from tests.e2e.method_modules import calling as calling_module
from tests.e2e.service_sdk import ServiceSdk, model, service_sdk
from tests.e2e.test_service_sdk import ready, start
from tests.edge.manifest import deployment
from tests.patience import wait_for

Call = Callable[..., dict[str, Any]]


def by_service(sdk: ServiceSdk) -> Call:
    """The unmodified service SDK."""

    def call(method: str, payload: Any = None, module: str = "$edgeAgent") -> dict[str, Any]:
        asked = model(
            "CloudToDeviceMethod", method_name=method, payload=payload, response_timeout_in_seconds=60
        )
        answer = sdk.registry("invoke_device_module_method", "edge", module, asked)
        # The SDK's model leaves out what is null.
        return {"payload": None, **answer}

    return call


def v1(**members: Any) -> dict[str, Any]:
    return {"schemaVersion": "1.0", **members}


@pytest.fixture(scope="module")
def running(shared_device: StartDevice) -> Device:
    return start(shared_device, echo={})


@contextmanager
def calling(running: Device) -> Iterator[Call]:
    with service_sdk(running) as sdk:
        ready(sdk, "echo")
        yield by_service(sdk)


def test_the_service_sdk_reaches_the_agent(running: Device) -> None:
    with calling(running) as call:
        assert call("ping") == {"status": 200, "payload": None}
        unknown = call("reboot", {})
        assert unknown["status"] == 400
        assert "RestartModule" in unknown["payload"]["message"]
        assert call("RestartModule", v1(id="nobody"))["status"] == 500

        first = running.module("echo")
        assert call("restartmodule", v1(id="echo")) == {"status": 200, "payload": None}
        second = running.module("echo", other_than=first["pid"])
        assert alive(second)
        assert not alive(first)
        wait_for(
            lambda: running.twin("$edgeAgent")["modules"]["echo"]["runtimeStatus"] == "running",
            "the module is reported as running",
        )
        assert running.twin("$edgeAgent")["modules"]["echo"]["restartCount"] == 0


def test_the_service_sdk_reads_logs(running: Device) -> None:
    with calling(running) as call:
        call("ping")
        everything = call("GetModuleLogs", v1(items={"id": ".*"}))
        assert everything["status"] == 200
        assert [entry["id"] for entry in everything["payload"]] == ["echo", "edgeAgent", "edgeHub"]
        hub = {"id": "edgeHub", "filter": {"loglevel": 6, "regex": "ready", "tail": 1}}
        [entry] = call("GetModuleLogs", v1(items=[hub]))["payload"]
        assert entry["payload"].startswith("ready ")
        agent = {"id": "edgeAgent", "filter": {"since": "1h", "regex": "method ping"}}
        [entry] = call("GetModuleLogs", v1(items=[agent], contentType="json"))["payload"]
        *_, line = json.loads(entry["payload"])
        assert (line["iothub"], line["device"], line["id"]) == (
            "local.azure-devices.net",
            "edge",
            "edgeAgent",
        )
        assert line["loglevel"] == 6
        assert call("GetModuleLogs", v1(items={"id": "("}))["status"] == 400


async def test_logs_are_uploaded_to_a_storage(running: Device) -> None:
    async with storage() as there:
        url = there.sas()

        def asked() -> dict[str, Any]:
            with calling(running) as call:
                begun = call("UploadModuleLogs", v1(sasUrl=url, items={"id": "edge"}, encoding="gzip"))
                assert begun["status"] == 200
                task = v1(correlationId=begun["payload"]["correlationId"])
                ended: dict[str, Any] = wait_for(
                    lambda: finished(call("GetTaskStatus", task)["payload"]), "the upload's end"
                )
                return ended

        assert (await asyncio.to_thread(asked))["status"] == "Completed"
    assert len(there.blobs) == 2
    assert "sig=" not in running.said() + running.log("edgeAgent") + running.log("edgeHub")


def finished(answer: dict[str, Any]) -> dict[str, Any] | None:
    return None if answer["status"] == "Running" else answer


def test_the_hub_answers_its_own_method_and_no_other(running: Device) -> None:
    with calling(running) as call:
        answer = call("RefreshDeviceScopeIdentityCache", {"deviceIds": ["leaf"]}, "$edgeHub")
        assert answer == {"status": 200, "payload": None}
        assert call("ping", None, "$edgeHub")["status"] == 404


def test_the_command_line_and_the_control_api_reach_the_agent(running: Device) -> None:
    pinged = running.command("method", "$edgeAgent", "ping")
    assert (pinged.returncode, pinged.stdout) == (0, "null\n")
    refused = running.command("method", "$edgeAgent", "reboot")
    assert refused.returncode == 1
    assert "status 400" in refused.stderr
    answer = running.control.invoke("$edgeAgent", {"methodName": "PING"}, 60)
    assert answer == {"status": 200, "payload": None}


def test_the_hub_is_restarted_by_its_name_and_the_modules_go_on(running: Device) -> None:
    wait_for(lambda: running.twin("echo").get("ready"), "a module that is connected")
    before, module = running.hub(), running.module("echo")
    payload = json.dumps(v1(id="edgeHub"))
    assert running.command("method", "$edgeAgent", "RestartModule", "--payload", payload).returncode == 0
    wait_for(lambda: not alive(before), "the hub's end")
    wait_for(lambda: running.hub() != before, "another hub")

    def answers() -> bool:
        return running.command("method", "$edgeAgent", "ping").returncode == 0

    wait_for(answers, "the agent behind the new hub")
    assert running.module("echo") == module


def test_a_module_reaches_the_agent(device: StartDevice) -> None:
    running = device(deployment({"caller": {}}, {}), "--without", "caller").up()
    with calling_module(running) as caller:
        assert caller.invoke("Ping", of="$edgeAgent") == {"status": 200, "payload": None}
        assert caller.invoke("RestartModule", v1(id="nobody"), of="$edgeAgent")["status"] == 500
        assert caller.invoke("ping", of="$edgeHub")["status"] == 404
