"""`$edgeAgent`'s methods, called as the hub process calls them (spec D.5)."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import io
import json
import re
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.agent.methods import blob
from edge_runtime.agent.methods.errors import MethodFailedError
from edge_runtime.agent.methods.log_contents import DeviceName
from edge_runtime.agent.methods.requests import AgentMethods
from tests.agent.methods.logs import LINES, store
from tests.agent.methods.storage import Storage, storage

SUPPORTED = "ping,RestartModule,GetModuleLogs,UploadModuleLogs,GetTaskStatus,UploadSupportBundle"
BLOB = r"/logs/local\.azure-devices\.net/edge/{}-\d{{4}}-\d\d-\d\d--\d\d-\d\d-\d\d\.{}"


@dataclass
class Bench:
    """The methods of a device, and what they did to it."""

    folder: Path
    restarted: list[str] = field(default_factory=list)
    called: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.methods = AgentMethods(
            DeviceName("local.azure-devices.net", "edge"),
            store(self.folder),
            self.restart,
            lambda: {"modules": {"camera": {}}},
            self.called.append,
        )

    async def restart(self, name: str) -> None:
        if name == "broken":
            raise RuntimeError("a bug")
        if name != "camera":
            raise MethodFailedError(f"Module {name} not found in the current environment")
        self.restarted.append(name)

    async def call(self, name: str, **members: Any) -> tuple[int, Any]:
        return await self.methods.call(name, {"schemaVersion": "1.0", **members})

    async def finished(self, correlation_id: str) -> dict[str, str]:
        """The status of a task when it no longer runs."""
        while True:
            status, answer = await self.call("GetTaskStatus", correlationId=correlation_id)
            assert status == 200
            if answer["status"] != "Running":
                found: dict[str, str] = answer
                return found
            await asyncio.sleep(0.01)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@contextlib.asynccontextmanager
async def uploaded(
    bench: Bench, method: str, *faults: str, **members: Any
) -> AsyncIterator[tuple[Storage, dict[str, str]]]:
    """Call an upload; the storage, and the task's status in the end."""
    async with storage() as there:
        there.faults = list(faults)
        status, begun = await bench.call(method, sasUrl=there.sas(), **members)
        assert status == 200
        assert begun["status"] == "Running"
        assert begun["message"] == ""
        yield there, await bench.finished(begun["correlationId"])


@pytest.mark.parametrize("name", ["ping", "Ping", "PING"])
@pytest.mark.parametrize("payload", [None, {}, "anything", 5])
async def test_ping(bench: Bench, name: str, payload: Any) -> None:
    assert await bench.methods.call(name, payload) == (200, None)
    assert bench.called == ["ping"]


async def test_restart_module(bench: Bench) -> None:
    assert await bench.call("restartMODULE", id="camera") == (200, None)
    assert bench.restarted == ["camera"]
    message = "Module nobody not found in the current environment"
    assert await bench.call("RestartModule", id="nobody") == (500, {"message": message})


async def test_get_module_logs(bench: Bench) -> None:
    status, answer = await bench.call("GetModuleLogs", items={"id": "camera", "filter": {"tail": 1}})
    assert (status, answer) == (200, [{"id": "camera", "payload": f"{LINES[-1]}\n"}])


async def test_an_unknown_method_names_those_that_there_are(bench: Bench) -> None:
    message = f"Command 'reboot' not found. The supported commands are - {SUPPORTED}"
    assert await bench.methods.call("reboot", None) == (400, {"message": message})
    assert bench.called == []


@pytest.mark.parametrize("name", SUPPORTED.split(",")[1:])
async def test_without_a_payload_400(bench: Bench, name: str) -> None:
    assert await bench.methods.call(name, None) == (400, {"message": "Request payload not found"})


async def test_wrong_arguments_400_other_failures_500(bench: Bench) -> None:
    status, answer = await bench.call("GetModuleLogs", items={"id": "("})
    assert status == 400
    assert "cannot be read" in answer["message"]
    assert await bench.methods.call("RestartModule", {"schemaVersion": "2.0", "id": "camera"}) == (
        500,
        {"message": "The request schema version 2.0 is not compatible with the expected version 1.0"},
    )
    assert await bench.call("RestartModule", id="broken") == (500, {"message": "RuntimeError: a bug"})


async def test_upload_module_logs(bench: Bench) -> None:
    asked = {"items": [{"id": "camera|filter"}], "encoding": "gzip", "contentType": "json"}
    async with uploaded(bench, "UploadModuleLogs", **asked) as (there, ended):
        assert ended["status"] == "Completed"
        assert ended["message"] == ""
    assert len(there.blobs) == 2
    for (path, content), module, lines in zip(
        sorted(there.blobs.items()), ("camera", "filter"), (5, 1), strict=True
    ):
        assert_matches(path, BLOB.format(module, r"json\.gz"))
        assert len(json.loads(gzip.decompress(content))) == lines
        assert there.headers[path]["x-ms-blob-content-type"] == "application/json"
        assert there.headers[path]["x-ms-blob-content-encoding"] == "gzip"


async def test_an_upload_that_fails_says_so_without_the_signature(bench: Bench) -> None:
    async with uploaded(bench, "UploadModuleLogs", "403", items={"id": "camera"}) as (there, ended):
        assert ended["status"] == "Failed"
        assert ended["message"] == (
            "Task upload logs failed because of error the storage answered 403 AuthenticationFailed"
        )
    assert there.blobs == {}


async def test_an_upload_outlives_a_storage_that_is_away_for_a_moment(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blob, "FIRST_PAUSE_S", 0.01)
    async with uploaded(bench, "UploadModuleLogs", "503", "500", items={"id": "camera"}) as (there, ended):
        assert ended["status"] == "Completed"
    assert len(there.blobs) == 1


async def test_a_url_that_is_signed_for_one_blob_takes_one_module(bench: Bench) -> None:
    async with storage() as there:
        url = there.sas("sr=b&sp=cw")
        status, answer = await bench.call("UploadModuleLogs", sasUrl=url, items={"id": ".*"})
        assert status == 400
        assert "signed for one blob, and the items name 4 modules" in answer["message"]
        status, begun = await bench.call("UploadModuleLogs", sasUrl=url, items={"id": "camera"})
        assert status == 200
        assert (await bench.finished(begun["correlationId"]))["status"] == "Completed"
    assert list(there.blobs) == ["/logs"]


@pytest.mark.parametrize("method", ["UploadModuleLogs", "UploadSupportBundle"])
async def test_an_url_that_is_none_is_refused_at_once(bench: Bench, method: str) -> None:
    status, answer = await bench.call(method, sasUrl="ftp://h/c?sig=hunter2", items={"id": "camera"})
    assert status == 400
    assert "sasUrl is not the URL of a container" in answer["message"]
    assert "hunter2" not in answer["message"]


@pytest.mark.parametrize("only", [False, True])
async def test_upload_support_bundle(bench: Bench, only: bool) -> None:
    async with uploaded(bench, "UploadSupportBundle", since="2026-03-10T12:30:00Z", edgeRuntimeOnly=only) as (
        there,
        ended,
    ):
        assert ended["status"] == "Completed"
    [(path, content)] = there.blobs.items()
    assert_matches(path, BLOB.format("support-bundle", "zip"))
    with zipfile.ZipFile(io.BytesIO(content)) as bundle:
        logs = {name for name in bundle.namelist() if name.startswith("logs/")}
        system = {"logs/edgeAgent_log.txt", "logs/edgeHub_log.txt"}
        assert logs == system if only else logs == {*system, "logs/camera_log.txt", "logs/filter_log.txt"}
        assert json.loads(bundle.read("edgeAgent_reported.json")) == {"modules": {"camera": {}}}
        assert json.loads(bundle.read("machine.json"))["processors"] > 0
        if not only:
            assert bundle.read("logs/camera_log.txt").decode() == f"{LINES[-1]}\n"


async def test_an_unknown_task_is_unknown(bench: Bench) -> None:
    assert await bench.call("GetTaskStatus", correlationId="x") == (
        200,
        {"status": "Unknown", "message": "", "correlationId": "x"},
    )


async def test_what_runs_is_cancelled_in_the_end(bench: Bench) -> None:
    async with storage() as there:
        there.faults = ["silence"]
        _, begun = await bench.call("UploadSupportBundle", sasUrl=there.sas())
        while not there.attempts:
            await asyncio.sleep(0.01)
        await bench.methods.stop()
    assert (await bench.finished(begun["correlationId"]))["status"] == "Cancelled"


def assert_matches(text: str, pattern: str) -> None:
    assert re.fullmatch(pattern, text), text
