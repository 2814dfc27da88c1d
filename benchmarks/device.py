"""The solution as a user starts it: every process of it, and when all of its modules were connected."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.errors import BenchmarkError
from benchmarks.processes import Usage
from demo.runtime import Runtime, RuntimeFailedError

TEMPLATE = Path(__file__).resolve().parent.parent / "deployment.template.json"
SUPERVISOR, HUB = "supervisor", "hub"


@dataclass(frozen=True, slots=True)
class Device:
    """One `python -m edge_runtime run`.

    `connected_s`: from its start until each module had a connection to the hub.
    """

    state: Path
    endpoints: dict[str, Any]
    connected_s: dict[str, float]

    def pids(self) -> dict[str, int]:
        """The supervisor, the hub and the modules, as they run now."""
        registry = json.loads((self.state / "processes.json").read_text())
        entries = {SUPERVISOR: registry["supervisor"], HUB: registry["hub"], **registry["modules"]}
        return {name: entry["pid"] for name, entry in entries.items() if entry is not None}

    def usage(self) -> dict[str, Usage]:
        """Of every process. Raises BenchmarkError when one has ended."""
        try:
            return {name: Usage.of(pid) for name, pid in self.pids().items()}
        except ProcessLookupError as error:
            raise BenchmarkError(f"{error}; its log is in {self.state / 'logs'}") from None


@asynccontextmanager
async def running_device(
    variables: dict[str, str],
    *,
    address: str,
    manifest: Path = TEMPLATE,
    arguments: Sequence[str] = (),
) -> AsyncIterator[Device]:
    """Start it and wait until every module is connected; at the end nothing of it is left.

    `variables` fill the manifest's placeholders; `arguments` are more of them for `run`.

    Raises:
        BenchmarkError: it ended by itself.
    """
    began = time.monotonic()
    with Runtime(manifest, variables, address=address, state=None, arguments=arguments) as runtime:
        try:
            endpoints = await runtime.endpoints()
            connected = await _connected(endpoints)
        except (RuntimeFailedError, aiohttp.ClientError) as error:
            raise BenchmarkError(f"the runtime did not come up: {error}\n{runtime.output()}") from None
        yield Device(runtime.state, endpoints, {name: at - began for name, at in connected.items()})


async def _connected(endpoints: dict[str, Any]) -> dict[str, float]:
    """When each module of the deployment was connected, by the monotonic clock."""
    observer = endpoints["observer"]
    waited_for = set(endpoints["metrics"]) - {"edgeAgent", "edgeHub"}
    found: dict[str, float] = {}
    session = aiohttp.ClientSession(observer["url"], headers={"Authorization": f"Bearer {observer['token']}"})
    async with session, session.get("/v1/feed", params={"types": "connected"}) as feed:
        await feed.content.readline()
        # The feed tells what happens from now on; who was quicker is in the snapshot.
        async with session.get("/v1/snapshot") as answer:
            modules = (await answer.json())["modules"]
        found = {name: time.monotonic() for name in waited_for if modules.get(name, {}).get("connected")}
        while not waited_for <= found.keys():
            line = await feed.content.readline()
            if not line:
                raise BenchmarkError(f"the hub ended before {', '.join(waited_for - found.keys())} came")
            found.setdefault(json.loads(line)["module"], time.monotonic())
    return found
