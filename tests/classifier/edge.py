"""The embedded runtime's hub in a process of its own, and modules that talk to it with the real SDK."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

ROOT = Path(__file__).parents[2]
ROUTES = {
    "frames": ("feeder", "frames", "classifier", "frames"),
    "predictions": ("classifier", "predictions", "feeder", "predictions"),
    "credits": ("classifier", "credits", "feeder", "credits"),
}


class Edge:
    """One device: a hub that runs, and the processes of its modules."""

    def __init__(self, address: str, state: Path, sockets: Path) -> None:
        self._address, self._state, self._sockets = address, state, sockets
        self._modules: dict[str, Any] = {}
        self._processes: list[asyncio.subprocess.Process] = []

    async def start(self) -> None:
        config = self._state / "hub.json"
        document = {
            "deviceId": "edge",
            "iothubHostname": "local.azure-devices.net",
            "gatewayHostname": self._address,
            "address": self._address,
            "state": str(self._state),
            "sockets": str(self._sockets),
            "observer": {"port": 0, "token": "test"},
        }
        config.write_text(json.dumps(document))
        hub = await self._spawn(
            "hub", "edge_runtime", "hub", "--config", str(config), stdout=asyncio.subprocess.PIPE
        )
        assert hub.stdout is not None
        async with asyncio.timeout(20):
            ready = await hub.stdout.readline()
        assert ready.startswith(b"ready"), (self._state / "hub.log").read_text()
        self._modules = (await self.control("PUT", "/configuration", _manifest()))["modules"]

    async def control(self, verb: str, path: str, body: Any = None) -> Any:
        connector = aiohttp.UnixConnector(str(self._sockets / "control.sock"))
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.request(verb, f"http://hub{path}", json=body) as response,
        ):
            assert response.status == 200, await response.text()
            return await response.json()

    async def module(self, name: str, program: str, **environment: str) -> asyncio.subprocess.Process:
        identity = self._modules[name]
        roots = [str(ROOT), str(ROOT / "libs"), str(ROOT / "modules" / "classifier")]
        variables = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(roots),
            "IOTEDGE_WORKLOADURI": identity["workloadUri"],
            "IOTEDGE_AUTHSCHEME": "sasToken",
            "IOTEDGE_MODULEGENERATIONID": identity["generationId"],
            "IOTEDGE_IOTHUBHOSTNAME": "local.azure-devices.net",
            "IOTEDGE_GATEWAYHOSTNAME": self._address,
            "IOTEDGE_DEVICEID": "edge",
            "IOTEDGE_MODULEID": name,
            "IOTEDGE_APIVERSION": "2022-08-03",
            "METRICS_PORT": "0",
            "HEARTBEAT_FILE": str(self._state / f"{name}.heartbeat"),
        }
        return await self._spawn(name, program, env=variables | environment)

    async def _spawn(self, name: str, *command: str, **options: Any) -> asyncio.subprocess.Process:
        with (self._state / f"{name}.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", *command), cwd=ROOT, stderr=log, **({"stdout": log} | options)
            )
        self._processes.append(process)
        return process

    def log(self, name: str) -> str:
        return (self._state / f"{name}.log").read_text()

    async def stop(self) -> None:
        for process in reversed(self._processes):
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(10):
                        await process.wait()
            if process.returncode is None:
                process.kill()
                await process.wait()


@contextlib.asynccontextmanager
async def running_edge(address: str, state: Path) -> AsyncIterator[Edge]:
    """A device with the modules `feeder` and `classifier`; everything is stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="edge-") as sockets:  # a socket's path has at most 107 bytes
        edge = Edge(address, state, Path(sockets))
        try:
            await edge.start()
            yield edge
        finally:
            await edge.stop()


def _manifest() -> dict[str, Any]:
    routes = {
        name: f'FROM /messages/modules/{a}/outputs/{out} INTO BrokeredEndpoint("/modules/{b}/inputs/{into}")'
        for name, (a, out, b, into) in ROUTES.items()
    }
    module = {
        "version": "1.0",
        "type": "docker",
        "status": "running",
        "restartPolicy": "always",
        "settings": {"image": "none", "createOptions": "{}"},
    }
    return {
        "modulesContent": {
            "$edgeAgent": {
                "properties.desired": {
                    "schemaVersion": "1.1",
                    "runtime": {"type": "docker", "settings": {}},
                    "systemModules": {},
                    "modules": {"feeder": module, "classifier": module},
                }
            },
            "$edgeHub": {
                "properties.desired": {
                    "schemaVersion": "1.2",
                    "routes": {name: {"route": route} for name, route in routes.items()},
                    "storeAndForwardConfiguration": {"timeToLiveSecs": 7200},
                }
            },
        }
    }
