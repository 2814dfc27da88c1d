"""A real hub process with a control socket and an upstream that keeps what arrives."""

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
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import aiohttp
from aiohttp import web

ROOT = Path(__file__).parents[2]
Arrived = dict[str, Any]
"""One message upstream: `body` (JSON), `properties`, `systemProperties`."""


class Edge:
    """A hub on an address of its own; `async with`. Modules are what the test starts with `environment`."""

    def __init__(self, address: str, modules: dict[str, dict[str, Any]], routes: dict[str, str]) -> None:
        self.arrived: list[Arrived] = []
        self._address = address
        self._modules = modules
        self._routes = routes
        self._state = Path(tempfile.mkdtemp(prefix="edge-"))  # a socket's path has at most 107 bytes
        self._sockets = self._state / "s"
        self._hub: asyncio.subprocess.Process | None = None
        self._known: dict[str, dict[str, str]] = {}
        self._processes: list[subprocess.Popen[str]] = []

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
        for process in self._processes:
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()
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
        line = await asyncio.wait_for(self._hub.stdout.readline(), 20)
        assert line.startswith(b"ready"), (self._state / "hub.log").read_text()
        answer = await self.control("PUT", "/configuration", self._manifest())
        self._known = answer["modules"]

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

    async def twin(self, module: str, section: str) -> dict[str, Any]:
        twin: dict[str, dict[str, Any]] = await self.control("GET", f"/modules/{module}/twin")
        return twin[section]

    async def desire(self, module: str, patch: dict[str, Any]) -> None:
        await self.control("PATCH", f"/modules/{module}/twin/desired", patch)

    async def call(self, module: str, method: str, payload: Any = None) -> tuple[int, Any]:
        answer = await self.control(
            "POST", f"/modules/{module}/methods", {"methodName": method, "payload": payload}
        )
        return answer["status"], answer["payload"]

    def environment(self, module: str) -> dict[str, str]:
        """As edgeAgent gives it to a module (spec A.3)."""
        known = self._known[module]
        return {
            "PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}/libs:{ROOT}/modules/results_filter",
            "METRICS_PORT": "0", "HEARTBEAT_FILE": str(self._state / f"heartbeat-{module}"),
            "IOTEDGE_IOTHUBHOSTNAME": "local.azure-devices.net", "IOTEDGE_DEVICEID": "edge",
            "IOTEDGE_MODULEID": module, "IOTEDGE_GATEWAYHOSTNAME": self._address,
            "IOTEDGE_MODULEGENERATIONID": known["generationId"], "IOTEDGE_WORKLOADURI": known["workloadUri"],
            "IOTEDGE_APIVERSION": "2020-07-07", "IOTEDGE_AUTHSCHEME": "sasToken",
        }  # fmt: skip

    def start(self, module: str, *command: str, **environment: str) -> subprocess.Popen[str]:
        """Run `python COMMAND...` as `module`; ended with the edge."""
        process = subprocess.Popen(
            [sys.executable, *command], env=self.environment(module) | environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self._processes.append(process)
        return process

    def _manifest(self) -> dict[str, Any]:
        described = {
            name: {"version": "1.0", "type": "docker", "status": "running", "restartPolicy": "always",
                   "settings": {"image": "x", "createOptions": "{}"}}
            for name in self._modules
        }  # fmt: skip
        system = {"type": "docker", "settings": {"image": "x", "createOptions": "{}"}}
        agent = {
            "schemaVersion": "1.1", "runtime": {"type": "docker", "settings": {}}, "modules": described,
            "systemModules": {
                "edgeAgent": system, "edgeHub": {**system, "status": "running", "restartPolicy": "always"},
            },
        }  # fmt: skip
        hub = {
            "schemaVersion": "1.2", "routes": {name: {"route": route} for name, route in self._routes.items()},
            "storeAndForwardConfiguration": {"timeToLiveSecs": 7200},
        }  # fmt: skip
        desired = {"$edgeAgent": agent, "$edgeHub": hub, **self._modules}
        return {
            "modulesContent": {name: {"properties.desired": section} for name, section in desired.items()}
        }

    async def _arrive(self, request: web.Request) -> web.Response:
        for message in (await request.json())["messages"]:
            body = json.loads(base64.b64decode(message["body"]))
            self.arrived.append({**message, "body": body})
        return web.json_response({"rejected": []})


async def until(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """What `condition` gives as soon as it is true."""
    async with asyncio.timeout(seconds):
        while not (found := condition()):
            await asyncio.sleep(0.02)
        return found
