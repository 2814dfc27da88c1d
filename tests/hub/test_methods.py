from __future__ import annotations

import asyncio

import pytest

from edge_runtime.hub import methods as methods_module
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.methods import MethodResult, Methods, MethodTargetMissingError, MethodTimeoutError
from tests.hub.links import RecordingLink
from tests.patience import PATIENCE_S

CAMERA = ClientId("edge", "camera")


async def invoke(methods: Methods, *, response_s: float = 5, connect_s: float = 0) -> MethodResult:
    return await methods.invoke(
        CAMERA, "pause", b"null", response_timeout_s=response_s, connect_timeout_s=connect_s
    )


async def test_a_call_reaches_the_listener_and_its_answer_comes_back() -> None:
    methods, link = Methods(), RecordingLink()
    methods.listen(CAMERA, link)
    call = asyncio.create_task(invoke(methods))
    await asyncio.sleep(0)
    ((request_id, name, payload),) = link.calls
    assert (name, payload) == ("pause", b"null")
    methods.answered(CAMERA, "unknown", 200, b"1")
    methods.answered(ClientId("edge", "other"), request_id, 200, b"2")  # nobody answers for another
    methods.answered(CAMERA, request_id, 207, b"3")
    methods.answered(CAMERA, request_id, 500, b"late")
    assert await call == MethodResult(207, b"3")


async def test_nobody_listens() -> None:
    with pytest.raises(MethodTargetMissingError, match="edge/camera: not connected"):
        await invoke(Methods())


async def test_no_answer() -> None:
    methods = Methods()
    methods.listen(CAMERA, RecordingLink())
    with pytest.raises(MethodTimeoutError, match=r"no answer to method 'pause' within 0\.05 s"):
        await invoke(methods, response_s=0.05)


async def test_a_call_waits_for_the_listener_and_a_moment_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(methods_module, "RELEASE_DELAY_S", 1.0)
    methods, link = Methods(), RecordingLink()
    call = asyncio.create_task(invoke(methods, connect_s=60, response_s=60))
    await asyncio.sleep(0.01)
    methods.listen(CAMERA, link)
    await asyncio.sleep(0.03)
    assert link.calls == []  # the application's handler may not be in place yet
    async with asyncio.timeout(PATIENCE_S):
        while not link.calls:
            await asyncio.sleep(0.01)
    methods.answered(CAMERA, link.calls[0][0], 200, b"1")
    assert (await call).status == 200


async def test_the_wait_for_a_listener_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(methods_module, "RELEASE_DELAY_S", 60.0)
    async with asyncio.timeout(30):
        with pytest.raises(MethodTargetMissingError):
            await invoke(Methods(), connect_s=0.05)


async def test_names_that_never_come_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(methods_module, "RELEASE_DELAY_S", 0.0)
    methods, link = Methods(), RecordingLink()
    with pytest.raises(MethodTargetMissingError):
        await invoke(methods, connect_s=0.01)
    assert len(methods._arrivals) == 0
    calls = [asyncio.create_task(invoke(methods, connect_s=connect_s)) for connect_s in (0.01, 60)]
    with pytest.raises(MethodTargetMissingError):
        await calls[0]
    methods.listen(CAMERA, link)  # the one that still waits is told
    async with asyncio.timeout(PATIENCE_S):
        while not link.calls:
            await asyncio.sleep(0.01)
    methods.answered(CAMERA, link.calls[0][0], 200, b"1")
    assert (await calls[1]).status == 200


async def test_an_answer_on_the_next_connection_counts() -> None:
    methods, link = Methods(), RecordingLink()
    methods.listen(CAMERA, link)
    call = asyncio.create_task(invoke(methods))
    await asyncio.sleep(0)
    methods.listen(CAMERA, None)  # a token is renewed by a reconnect
    methods.listen(CAMERA, RecordingLink())
    methods.answered(CAMERA, link.calls[0][0], 200, b"1")
    assert (await call).status == 200
