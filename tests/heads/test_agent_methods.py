"""From the hub process to `$edgeAgent` in the supervisor's, over a real socket."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from edge_runtime.agent.methods.log_contents import DeviceName
from edge_runtime.agent.methods.requests import AgentMethods
from edge_runtime.agent.methods.server import serve
from edge_runtime.heads.agent_methods import SOCKET, EdgeAgentMethods
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.methods import MethodResult, Methods, MethodTargetMissingError, MethodTimeoutError
from tests.agent.methods.logs import store

AGENT = ClientId("edge", "$edgeAgent")


class Bench:
    """Both ends of the socket. A module called `slow` never restarts."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / SOCKET
        self.called: list[str] = []
        self.agent = AgentMethods(
            DeviceName("hub", "edge"), store(folder), self.restart, dict, self.called.append
        )
        self.methods = Methods()
        self.target = EdgeAgentMethods(str(self.socket))
        self.methods.serve(AGENT, self.target)

    async def restart(self, name: str) -> None:
        if name == "slow":
            await asyncio.sleep(1000)

    async def call(self, name: str, payload: Any = None, timeout_s: float = 100) -> MethodResult:
        content = json.dumps(payload).encode()
        return await self.methods.invoke(
            AGENT, name, content, response_timeout_s=timeout_s, connect_timeout_s=0
        )


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    one = Bench(tmp_path)
    runner = await serve(one.agent, one.socket)
    yield one
    await runner.cleanup()
    await one.target.close()


async def test_a_call_comes_back(bench: Bench) -> None:
    assert await bench.call("ping") == MethodResult(200, b"null")
    unknown = await bench.call("no/such \N{SNOWMAN}", {"a": [1]})
    assert unknown.status == 400
    assert "no/such \N{SNOWMAN}" in json.loads(unknown.payload)["message"]
    logs = await bench.call("GetModuleLogs", {"schemaVersion": "1.0", "items": {"id": "filter"}})
    assert json.loads(logs.payload) == [{"id": "filter", "payload": "f\n"}]


async def test_an_empty_payload_is_none(bench: Bench) -> None:
    result = await bench.methods.invoke(AGENT, "ping", b"", response_timeout_s=100, connect_timeout_s=0)
    assert result.status == 200


async def test_a_method_that_takes_too_long_ends_the_wait(bench: Bench) -> None:
    with pytest.raises(MethodTimeoutError, match=r"no answer to method 'RestartModule' within 0\.2 s"):
        await bench.call("RestartModule", {"schemaVersion": "1.0", "id": "slow"}, timeout_s=0.2)


async def test_without_a_supervisor_there_is_no_agent(tmp_path: Path) -> None:
    one = Bench(tmp_path)
    with pytest.raises(MethodTargetMissingError, match="the supervisor does not answer"):
        await one.call("ping")
    await one.target.close()


async def test_the_socket_is_this_user_s_alone(bench: Bench) -> None:
    assert stat.S_IMODE(bench.socket.stat().st_mode) == 0o600


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"5", b"\xff"])
async def test_what_is_no_call_is_400(bench: Bench, body: bytes) -> None:
    connector = aiohttp.UnixConnector(str(bench.socket))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.post("http://agent/methods", data=body) as answer,
    ):
        assert answer.status == 400
        assert "no call" in (await answer.json())["message"]
