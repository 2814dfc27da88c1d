"""`$edgeAgent` as a target of direct methods: it lives in the supervisor's process, behind a unix socket."""

from __future__ import annotations

import json

import aiohttp

from edge_runtime.hub.methods import MethodResult, MethodTargetMissingError, MethodTimeoutError

SOCKET = "$edgeAgent.sock"
_URL = "http://agent/methods"


class EdgeAgentMethods:
    """A `hub.methods.LocalTarget`."""

    def __init__(self, socket: str) -> None:
        self._session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(socket))

    async def __call__(self, method: str, payload: bytes, response_timeout_s: float) -> MethodResult:
        call = b'{"methodName": %b, "payload": %b}' % (json.dumps(method).encode(), payload or b"null")
        timeout = aiohttp.ClientTimeout(total=response_timeout_s)
        try:
            async with self._session.post(_URL, data=call, timeout=timeout) as response:
                answer = json.loads(await response.read())
            return MethodResult(int(answer["status"]), json.dumps(answer["payload"]).encode())
        except TimeoutError:
            raise MethodTimeoutError(
                f"$edgeAgent: no answer to method {method!r} within {response_timeout_s:g} s"
            ) from None
        except (aiohttp.ClientError, OSError, ValueError, LookupError, TypeError) as error:
            raise MethodTargetMissingError(
                f"$edgeAgent: the supervisor does not answer ({error!r})"
            ) from error

    async def close(self) -> None:
        await self._session.close()
