"""HTTP on `iothub.sock`: the one place where the receiving end's errors become statuses."""

from __future__ import annotations

import base64
import logging
from pathlib import Path

from aiohttp import web

from edge_runtime.iothub.arrivals import Arrivals, MalformedBatchError
from edge_runtime.iothub.devicebound import Devicebound
from edge_runtime.iothub.store import UpstreamStoreError

_log = logging.getLogger(__name__)
_MAXIMUM_BATCH_BYTES = 64 * 1024 * 1024
_MOST_WAIT_S = 300.0
_ARRIVALS = web.AppKey("arrivals", Arrivals)
_DEVICEBOUND = web.AppKey("devicebound", Devicebound)


async def serve(arrivals: Arrivals, devicebound: Devicebound, socket: Path) -> web.AppRunner:
    """Listen; the caller ends it with `cleanup()`, which closes `devicebound` too. Raises OSError."""
    application = web.Application(client_max_size=_MAXIMUM_BATCH_BYTES)
    application[_ARRIVALS], application[_DEVICEBOUND] = arrivals, devicebound
    application.router.add_post("/devices/{device}/messages", _receive)
    application.router.add_get("/devices/{device}/messages/devicebound", _take)
    application.router.add_delete("/devices/{device}/messages/devicebound/{sequence:[0-9]{1,18}}", _complete)
    application.on_shutdown.append(_end_waiting)
    application.on_cleanup.append(_close)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    await web.UnixSite(runner, str(socket)).start()
    return runner


async def _receive(request: web.Request) -> web.Response:
    try:
        body = await request.read()
        rejected = await request.app[_ARRIVALS].receive(request.match_info["device"], body)
    except MalformedBatchError as error:
        return web.json_response({"message": str(error)}, status=400)
    except UpstreamStoreError as error:
        _log.error("nothing was stored: %s", error)
        return web.json_response({"message": str(error)}, status=503)
    return web.json_response({"rejected": rejected})


async def _take(request: web.Request) -> web.Response:
    try:
        wait_s = min(float(request.query.get("wait", "0")), _MOST_WAIT_S)
        device = request.match_info["device"]
        message = await request.app[_DEVICEBOUND].take(device, wait_s, lambda: _connected(request))
    except ValueError:
        return web.json_response({"message": "wait: a number of seconds"}, status=400)
    except UpstreamStoreError as error:
        return web.json_response({"message": str(error)}, status=503)
    if message is None:
        return web.Response(status=204)
    document = {
        "sequence": message.sequence,
        "deliveries": message.deliveries,
        "body": base64.b64encode(message.body).decode(),
        "properties": message.application,
        "systemProperties": message.system,
    }
    return web.json_response(document)


def _connected(request: web.Request) -> bool:
    return request.transport is not None and not request.transport.is_closing()


async def _complete(request: web.Request) -> web.Response:
    device, sequence = request.match_info["device"], int(request.match_info["sequence"])
    try:
        await request.app[_DEVICEBOUND].complete(device, sequence)
    except UpstreamStoreError as error:
        return web.json_response({"message": str(error)}, status=503)
    return web.Response(status=204)


async def _end_waiting(application: web.Application) -> None:
    application[_DEVICEBOUND].end_waiting()


async def _close(application: web.Application) -> None:
    await application[_DEVICEBOUND].close()
