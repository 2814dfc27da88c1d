"""Calls to the Docker engine: the SDK blocks, so each call has a thread, and its errors become ours here alone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

import docker
from docker import APIClient
from docker.errors import APIError, DockerException
from requests.exceptions import RequestException

from edge_runtime.agent.engine import EngineError

Answer = TypeVar("Answer")
_DEFAULT_SOCKET = "unix:///var/run/docker.sock"


class DockerError(EngineError):
    """The engine refused, or did not answer (`status` None); `str()` is its reason."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status

    @property
    def missing(self) -> bool:
        """What was asked about is not there."""
        return self.status == HTTPStatus.NOT_FOUND

    @property
    def conflict(self) -> bool:
        """The name is taken, or the removal under way already."""
        return self.status == HTTPStatus.CONFLICT


class DockerUnreachableError(Exception):
    """No engine answers, or not one that can be used; the message says why and what to do."""


def connect() -> APIClient:
    """The engine that DOCKER_HOST names, else the one of this machine. Raises DockerUnreachableError."""
    place = os.environ.get("DOCKER_HOST") or _DEFAULT_SOCKET
    try:
        _knock(place)
        return docker.from_env(version="auto").api
    except (DockerException, RequestException, OSError) as error:
        raise DockerUnreachableError(
            f"--engine docker: no Docker engine answers at {place} ({_cause(error)}); start it "
            "(systemctl start docker), give this user its rights (group docker) or name another one in DOCKER_HOST; "
            "without --engine the modules run as processes"
        ) from error


def _knock(place: str) -> None:
    """Raises OSError where nobody listens: the SDK would leave a socket open then."""
    scheme, _, path = place.partition("://")
    if scheme == "unix":
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.connect(path)


def ask(function: Callable[[], Answer]) -> Answer:
    """The answer of one blocking call. Raises DockerError."""
    try:
        return function()
    except APIError as error:
        raise DockerError(str(error.explanation or error).strip(), error.status_code) from error
    except (DockerException, RequestException, OSError) as error:
        raise DockerError(f"the Docker engine does not answer: {_cause(error)}") from error


async def call(function: Callable[[], Answer]) -> Answer:
    """As `ask`, in a thread of its own; when the caller is cancelled the thread goes on. Raises DockerError.

    Not in the loop's executor: that one is waited for at the end of the process, and a pull may hang.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Answer] = loop.create_future()

    def settle(result: Answer | None, error: Exception | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(result)  # type: ignore[arg-type]  # None only where the answer is

    def work() -> None:
        result, failure = None, None
        try:
            result = ask(function)
        except Exception as error:  # noqa: BLE001 - raised again where it is awaited
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile: nobody waits
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=work, name="docker", daemon=True).start()
    return await answer


def _cause(error: BaseException) -> str:
    """The innermost reason: requests and the SDK wrap it three times, each with its own text."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__ or error
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
