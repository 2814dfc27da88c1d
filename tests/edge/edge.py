"""One device around the module under test: a real hub process, and an upstream that keeps what arrives."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import aiohttp
from aiohttp import web

from tests.edge.manifest import deployment
from tests.edge.program import Program
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
IMPORT_ROOTS = [ROOT, ROOT / "libs", *sorted((ROOT / "modules").iterdir())]
Arrived = dict[str, Any]
"""One message upstream: `body` (JSON), `properties`, `systemProperties`."""


class Edge:
    """A hub on an address of its own; `async with`. What the test starts on it ends with it.

    Args:
        address: loopback, the test's own.
        modules: names, and the desired properties of their twins.
        routes: by name.
    """

    def __init__(
        self, address: str, modules: Mapping[str, Mapping[str, Any]], routes: Mapping[str, str]
    ) -> None:
        self.arrived: list[Arrived] = []
        self._address = address
        self._manifest = deployment(modules, routes)
        self._state = Path(tempfile.mkdtemp(prefix="edge-"))  # a socket's path has at most 107 bytes
        self._sockets = self._state / "s"
        self._hub: asyncio.subprocess.Process | None = None
        self._known: dict[str, dict[str, str]] = {}
        self._programs: list[Program] = []

    async def __aenter__(self) -> Self:
        self._sockets.mkdir()
        configuration = {
            "deviceId": "edge", "iothubHostname": "local.azure-devices.net", "gatewayHostname": self._address,
            "address": self._address, "state": str(self._state), "sockets": str(self._sockets),
            "observer": {"port": 0, "token": "t"},
        }  # fmt: skip
        (self._state / "hub.json").write_text(json.dumps(configuration))
        application = web.Application(client_max_size=64 * 1024 * 1024)
        application.router.add_post("/devices/{device}/messages", self._arrive)
        self._upstream = web.AppRunner(application, access_log=None)
        await self._upstream.setup()
        await web.UnixSite(self._upstream, str(self._sockets / "iothub.sock")).start()
        try:
            await self.start_hub()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for program in self._programs:
            program.kill()
        await self.stop_hub(signal.SIGTERM)
        await self._upstream.cleanup()
        shutil.rmtree(self._state)

    async def start_hub(self) -> None:
        with (self._state / "hub.log").open("ab") as log:
            self._hub = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "edge_runtime", "hub", "--config", str(self._state / "hub.json"),
                cwd=ROOT, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        assert self._hub.stdout
        line = await asyncio.wait_for(self._hub.stdout.readline(), PATIENCE_S)
        assert line.startswith(b"ready"), (self._state / "hub.log").read_text()
        self._known = (await self.control("PUT", "/configuration", self._manifest))["modules"]

    async def stop_hub(self, number: signal.Signals = signal.SIGKILL) -> None:
        if self._hub is not None and self._hub.returncode is None:
            self._hub.send_signal(number)
            await self._hub.wait()

    async def control(self, verb: str, path: str, body: Any = None) -> Any:
        connector = aiohttp.UnixConnector(str(self._sockets / "control.sock"))
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.request(verb, f"http://hub{path}", json=body) as response,
        ):
            answer = await response.json()
            assert response.status == 200, answer
            return answer

    async def twin(self, module: str, section: str = "reported") -> dict[str, Any]:
        twin: dict[str, dict[str, Any]] = await self.control("GET", f"/modules/{module}/twin")
        return twin[section]

    async def desire(self, module: str, patch: Mapping[str, Any]) -> int:
        """Patch the desired properties; their new version."""
        answer = await self.control("PATCH", f"/modules/{module}/twin/desired", patch)
        return int(answer["version"])

    async def reported(
        self, module: str, condition: Callable[[dict[str, Any]], bool], seconds: float = PATIENCE_S
    ) -> dict[str, Any]:
        """The reported properties as soon as they meet `condition`."""
        section: dict[str, Any] = {}
        try:
            async with asyncio.timeout(seconds):
                while not condition(section := await self.twin(module)):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{module} has not reported it within {seconds:g} s: {section}") from None
        return section

    async def emptied(self) -> None:
        """Until nothing waits in the hub, and then a moment: the SDK confirms a message before it hands it over."""
        async with asyncio.timeout(PATIENCE_S):
            while any(queue["length"] for queue in (await self.control("GET", "/queues"))["queues"]):
                await asyncio.sleep(0.05)
        await asyncio.sleep(1)

    async def call(self, module: str, method: str, payload: Any = None) -> tuple[int, Any]:
        """Status and payload of a direct method's answer."""
        answer = await self.control(
            "POST", f"/modules/{module}/methods", {"methodName": method, "payload": payload}
        )
        return answer["status"], answer["payload"]

    def start(self, module: str, *command: str, **environment: str) -> Program:
        """Run `python COMMAND...` as `module`."""
        log = self._state / f"{len(self._programs)}-{module}.log"
        program = Program(command, self._environment(module) | environment, log)
        self._programs.append(program)
        return program

    def _environment(self, module: str) -> dict[str, str]:
        """As edgeAgent gives it to a module (spec A.3)."""
        known = self._known[module]
        return {
            "PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(map(str, IMPORT_ROOTS)),
            "METRICS_PORT": "0", "HEARTBEAT_FILE": str(self._state / f"heartbeat-{module}"),
            "IOTEDGE_IOTHUBHOSTNAME": "local.azure-devices.net", "IOTEDGE_DEVICEID": "edge",
            "IOTEDGE_MODULEID": module, "IOTEDGE_GATEWAYHOSTNAME": self._address,
            "IOTEDGE_MODULEGENERATIONID": known["generationId"], "IOTEDGE_WORKLOADURI": known["workloadUri"],
            "IOTEDGE_APIVERSION": "2020-07-07", "IOTEDGE_AUTHSCHEME": "sasToken",
        }  # fmt: skip

    async def _arrive(self, request: web.Request) -> web.Response:
        for message in (await request.json())["messages"]:
            body = json.loads(base64.b64decode(message["body"]))
            self.arrived.append({**message, "body": body})
        return web.json_response({"rejected": []})
