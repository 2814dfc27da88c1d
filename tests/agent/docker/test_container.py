"""What a container says of itself, and an engine that goes away."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from docker.errors import APIError, DockerException, NotFound
from requests import Response

from edge_runtime.agent.docker.connection import DockerError, DockerUnreachableError, call, connect
from edge_runtime.agent.docker.container import Container, health_complaint
from edge_runtime.agent.docker.readings import _lines
from edge_runtime.agent.engine import EngineError


def refusal(status: int) -> APIError:
    """As the SDK makes it of the engine's answer."""
    response = Response()
    response.status_code = status
    return APIError("refused", response)


class Api:
    """Answers `stop` and `inspect_container` as told."""

    def __init__(
        self, *, stop: Exception | None = None, state: dict[str, Any] | Exception | None = None
    ) -> None:
        self._stop = stop
        self.state = state
        self.timeouts: list[int] = []

    def stop(self, _: str, timeout: int) -> None:
        self.timeouts.append(timeout)
        if self._stop:
            raise self._stop

    def inspect_container(self, _: str) -> dict[str, Any]:
        if isinstance(self.state, Exception):
            raise self.state
        return {"State": self.state, "Config": {"StopTimeout": 3}}


def container(api: Api) -> Container:
    return Container(api, "0123456789abcdef")  # type: ignore[arg-type]


EXITED = {"Running": False, "Status": "exited", "ExitCode": 9}


@pytest.mark.parametrize(
    ("api", "code"),
    [
        (Api(state=EXITED), 9),
        (Api(stop=refusal(404), state=refusal(404)), 137),
        (Api(stop=refusal(500), state=EXITED), 9),
    ],
)
async def test_a_stop_comes_to_an_end_whatever_the_engine_does(api: Api, code: int) -> None:
    assert await container(api).stop(10.0) == code
    assert api.timeouts == [10]


@pytest.mark.parametrize(
    ("api", "reason"),
    [
        (Api(stop=DockerException("away"), state=DockerException("away")), "does not answer: away"),
        (Api(stop=refusal(500), state={"Running": True}), "500 Server Error"),
        (Api(state={"Running": True}), "it still runs"),
    ],
)
async def test_what_may_still_run_is_never_called_ended(api: Api, reason: str) -> None:
    with pytest.raises(EngineError, match=f"container 0123456789ab could not be stopped: .*{reason}"):
        await container(api).stop(10.0)


async def test_an_end_that_no_event_told_is_seen_by_looking() -> None:
    stopped = container(Api(state=EXITED))
    await stopped.look()
    assert await stopped.wait() == 9
    assert stopped.label == "container 0123456789ab"


async def test_an_event_tells_the_exit_code() -> None:
    api = Api(state={"Running": True})
    ended = container(api)
    await ended.look()
    api.state = {"Running": False}
    ended.take({"Action": "die", "Actor": {"Attributes": {"exitCode": "139"}}})
    assert await ended.wait() == 139
    assert await ended.stop(10.0) == 139
    assert ended._api.timeouts == [3]  # type: ignore[attr-defined]  # its own StopTimeout


async def test_an_event_that_came_late_ends_nothing_that_has_been_started_again() -> None:
    again = container(Api(state={"Running": True}))
    again.take({"Action": "die", "Actor": {"Attributes": {"exitCode": "143"}}})
    await again._ending
    ended = asyncio.create_task(again.wait())
    await asyncio.sleep(0)
    assert not ended.done()
    ended.cancel()


@pytest.mark.parametrize(
    ("health", "complaint"),
    [
        ({}, None),
        ({"Status": "starting"}, None),
        ({"Status": "healthy", "Log": [{"Output": "x"}]}, None),
        ({"Status": "unhealthy"}, "its health check failed 0 times"),
        (
            {
                "Status": "unhealthy",
                "FailingStreak": 3,
                "Log": [{"Output": "old"}, {"Output": " no heart \n"}],
            },
            "its health check failed 3 times: no heart",
        ),
    ],
)
def test_complaints(health: dict[str, Any], complaint: str | None) -> None:
    assert health_complaint(health) == complaint


async def test_errors_of_the_engine_have_its_reason_and_status() -> None:
    def refuse() -> None:
        raise NotFound("404", explanation="no such container")

    def vanish() -> None:
        raise ConnectionResetError(104, "Connection reset by peer")

    with pytest.raises(DockerError, match=r"^no such container$"):
        await call(refuse)
    with pytest.raises(DockerError, match="does not answer: Connection reset by peer") as caught:
        await call(vanish)
    assert (caught.value.missing, caught.value.status) == (False, None)


def test_no_engine_is_told_with_its_place_and_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(DockerUnreachableError) as caught:
        connect()
    said = str(caught.value)
    assert "unix:///nowhere/docker.sock (No such file or directory)" in said
    assert "systemctl start docker" in said
    assert "\n" not in said


def test_lines_that_are_cut_across_chunks_are_put_together() -> None:
    assert list(_lines([b"a\nb", b"c\n", "ü".encode()[:1], "ü".encode()[1:], b"\n", b"rest"])) == [
        "a",
        "bc",
        "ü",
        "rest",
    ]
