"""`$edgeAgent`'s methods as HTTP on a unix socket, where the hub process finds them (docs/runtime-interfaces.md)."""

from __future__ import annotations

import json
from pathlib import Path

from aiohttp import web

from edge_runtime.agent.methods.requests import AgentMethods

_MAXIMUM_BYTES = 256 * 1024
_METHODS = web.AppKey("methods", AgentMethods)


async def serve(methods: AgentMethods, socket: Path) -> web.AppRunner:
    """Listen, for this user alone; the caller ends it with `cleanup()`. Raises OSError."""
    application = web.Application(client_max_size=_MAXIMUM_BYTES)
    application[_METHODS] = methods
    application.router.add_post("/methods", _call)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    await web.UnixSite(runner, str(socket)).start()
    socket.chmod(0o600)
    return runner


async def _call(request: web.Request) -> web.Response:
    try:
        call = json.loads(await request.read())
        name, payload = call["methodName"], call.get("payload")
    except (ValueError, RecursionError, TypeError, LookupError, AttributeError):
        return web.json_response({"message": "the body is no call of a method"}, status=400)
    status, answer = await request.app[_METHODS].call(str(name), payload)
    return web.json_response({"status": status, "payload": answer})
