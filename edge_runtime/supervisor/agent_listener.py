"""`$edgeAgent`'s direct methods, joined to what they act on: agent, hub process, logs, reported properties.

Heavy to import: whoever needs a quick start imports it while something else starts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp.web import AppRunner

from edge_runtime.agent.agent import Agent
from edge_runtime.agent.engine import Engine, EngineError
from edge_runtime.agent.methods.errors import MethodFailedError
from edge_runtime.agent.methods.log_contents import DeviceName
from edge_runtime.agent.methods.log_store import LogStore
from edge_runtime.agent.methods.requests import AgentMethods
from edge_runtime.agent.methods.server import serve
from edge_runtime.state_folder import StateFolder
from edge_runtime.supervisor.options import IOTHUB_HOSTNAME

_log = logging.getLogger(__name__)
_AGENT, _HUB = "edgeAgent", "edgeHub"
# The answer leaves through the hub, so the hub lives on until it has.
_HUB_RESTART_DELAY_S = 0.5


class AgentListener:
    """`start`, then `stop`. `restart_hub` ends the hub process, which is started again then."""

    def __init__(
        self,
        device: str,
        folder: StateFolder,
        *,
        agent: Agent,
        engine: Engine,
        restart_hub: Callable[[], None],
        reported: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._agent = agent
        self._restart_hub = restart_hub
        logs = {name: folder.log(name) for name in (_AGENT, _HUB)}
        store = LogStore(engine, agent.states, logs)
        self._methods = AgentMethods(
            DeviceName(IOTHUB_HOSTNAME, device), store, self._restart, reported, self._called
        )
        self._runner: AppRunner | None = None

    async def start(self, socket: Path) -> None:
        """Listen. Raises OSError."""
        self._runner = await serve(self._methods, socket)

    async def stop(self) -> None:
        """What methods began is cancelled."""
        if self._runner is not None:
            await self._runner.cleanup()
        await self._methods.stop()

    def _called(self, method: str) -> None:
        self._agent.measurements.methods[method] += 1
        _log.info("method %s", method)

    async def _restart(self, name: str) -> None:
        if name == _AGENT:
            raise MethodFailedError(f"{_AGENT} is the process that runs the device: start that one anew")
        if name == _HUB:
            asyncio.get_running_loop().call_later(_HUB_RESTART_DELAY_S, self._restart_hub)
            return
        try:
            await self._agent.restart(name)
        except EngineError as error:
            raise MethodFailedError(str(error)) from error
