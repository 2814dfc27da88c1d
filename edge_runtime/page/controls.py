"""What the page lets a person do: twins, methods, restarts, logs, the upstream switch, explanations.

All of it through the control and observer APIs. Answers are masked, but for explanations, which cite what was asked.
"""

from __future__ import annotations

import asyncio
import base64
import re
import zlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web

from edge_runtime.page.json_http import RequestError, answer, json_body
from edge_runtime.page.masking import masked, masked_places, masked_text
from edge_runtime.page.query import whole_number
from edge_runtime.page.runtime_client import RuntimeClient

AGENT = "$edgeAgent"
_HUB = "$edgeHub"
# As the hub compares ids: of `$EDGEAGENT` no more is allowed than of `$edgeAgent`.
_SYSTEM_MODULES = {"edgeagent": AGENT, "$edgeagent": AGENT, "edgehub": _HUB, "$edgehub": _HUB}
_DEFAULT_TAIL = 200
_MOST_TAIL = 10_000
MOST_LOG_BYTES = 1024 * 1024
_GZIP = 31
"""zlib's `wbits` for a gzip file."""
_TEXT_FILTERS = ("since", "until", "regex")
_LEAST_GRAVE = 7


class ControlHandlers:
    """Handlers of the API below `/api/v1`."""

    def __init__(self, client: RuntimeClient) -> None:
        self._client = client
        # One at a time: a regex may hold a thread for long, and the runtime needs the others.
        self._reading_logs = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        module = "/api/v1/modules/{module}"
        return [
            web.get(f"{module}/twin", self._twin),
            web.patch(f"{module}/twin/desired", self._patch_desired),
            web.post(f"{module}/methods", self._method),
            web.post(f"{module}/restart", self._restart),
            web.get(f"{module}/logs", self._logs),
            web.put("/api/v1/upstream", self._upstream),
            web.post("/api/v1/explain", self._explain),
        ]

    async def _twin(self, request: web.Request) -> web.Response:
        name = _twin_of(request)
        twin = await self._client.twin(name)
        # What edgeAgent is to do holds registries' passwords and modules' environments.
        told = {"desired": None if name == AGENT else twin["desired"], "reported": twin["reported"]}
        version = twin["desired"]["$version"]
        return answer({**await _masked(told), "version": version})

    async def _patch_desired(self, request: web.Request) -> web.Response:
        name, patch = _twin_of(request), await json_body(request)
        if name == AGENT:
            raise RequestError(HTTPStatus.FORBIDDEN, "the page deploys nothing: `run` and the service API do")
        places = list(masked_places(patch))
        if places:
            raise RequestError(
                HTTPStatus.BAD_REQUEST,
                f"{', '.join(places)}: *** stands for a secret; leave it out, or write the secret itself",
            )
        return answer(await self._client.patch_desired(name, patch))

    async def _method(self, request: web.Request) -> web.Response:
        name, call = _twin_of(request), await json_body(request)
        if name == AGENT:
            raise RequestError(HTTPStatus.FORBIDDEN, "of edgeAgent's methods the page has restart and logs")
        return answer(await _masked(await self._client.invoke(name, call)))

    async def _restart(self, request: web.Request) -> web.Response:
        await self._ask_agent("RestartModule", {"id": request.match_info["module"]})
        return answer({})

    async def _logs(self, request: web.Request) -> web.Response:
        module = request.match_info["module"]
        item = {"id": f"^{re.escape(module)}$", "filter": _log_filter(request.query)}
        payload = {"items": [item], "encoding": "gzip", "contentType": "text"}
        # The agent's patterns have no case; names of modules do.
        async with self._reading_logs:
            found = [one for one in await self._ask_agent("GetModuleLogs", payload) if one["id"] == module]
            if not found:
                raise RequestError(HTTPStatus.NOT_FOUND, f"{module!r} has no log: no such module")
            lines = await asyncio.to_thread(_lines, found[0]["payloadBytes"])
        return answer({"lines": lines})

    async def _upstream(self, request: web.Request) -> web.Response:
        document = await json_body(request)
        connected = document.get("connected") if isinstance(document, dict) else None
        if not isinstance(connected, bool):
            raise RequestError(HTTPStatus.BAD_REQUEST, 'write {"connected": true} or {"connected": false}')
        return answer(await self._client.switch_upstream(connected))

    async def _explain(self, request: web.Request) -> web.Response:
        return answer(await self._client.explain(await json_body(request)))

    async def _ask_agent(self, method: str, payload: Mapping[str, Any]) -> Any:
        """The payload of its answer. Raises RequestError with the status and words of its refusal."""
        call = {"methodName": method, "payload": {"schemaVersion": "1.0", **payload}}
        result = await self._client.invoke(AGENT, call)
        if result["status"] != HTTPStatus.OK:
            said = result["payload"]
            message = said.get("message") if isinstance(said, dict) else None
            # 500 would say that the page itself has failed.
            own = result["status"] < HTTPStatus.INTERNAL_SERVER_ERROR
            status = result["status"] if own else HTTPStatus.BAD_GATEWAY
            raise RequestError(status, masked_text(str(message or f"{method} was refused")))
        return result["payload"]


async def _masked(document: dict[str, Any]) -> dict[str, Any]:
    # A module decides how much there is, and the loop is the runtime's.
    try:
        return dict(await asyncio.to_thread(masked, document))
    except RecursionError:
        raise RequestError(HTTPStatus.BAD_GATEWAY, "what the module answers is nested too deeply") from None


def _lines(zipped: str) -> list[str]:
    """Masked as a whole: a key may take many lines. Raises RequestError."""
    unzip = zlib.decompressobj(_GZIP)
    text = unzip.decompress(base64.b64decode(zipped), MOST_LOG_BYTES)
    if unzip.unconsumed_tail:
        raise RequestError(
            HTTPStatus.BAD_REQUEST,
            f"more than {MOST_LOG_BYTES} bytes: ask for less with tail, since, until, loglevel or regex",
        )
    return masked_text(text.decode(errors="replace")).splitlines()


def _twin_of(request: web.Request) -> str:
    name = request.match_info["module"]
    return _SYSTEM_MODULES.get(name.casefold(), name)


def _log_filter(query: Mapping[str, str]) -> dict[str, Any]:
    tail = whole_number(query, "tail", 0, _MOST_TAIL)
    grave = whole_number(query, "loglevel", 0, _LEAST_GRAVE)
    return {
        "tail": _DEFAULT_TAIL if tail is None else tail,
        **({} if grave is None else {"loglevel": grave}),
        **{name: query[name] for name in _TEXT_FILTERS if query.get(name)},
    }
