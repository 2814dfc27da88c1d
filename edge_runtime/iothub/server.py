"""HTTP on `iothub.sock`: the one place where the receiving end's errors become statuses."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from aiohttp import web

from edge_runtime.iothub.arrivals import Arrivals, MalformedBatchError
from edge_runtime.iothub.store import UpstreamStoreError

_log = logging.getLogger(__name__)
_MAXIMUM_BATCH_BYTES = 64 * 1024 * 1024
_ARRIVALS = web.AppKey("arrivals", Arrivals)


async def serve(arrivals: Arrivals, socket: Path) -> web.AppRunner:
    """Listen; the caller ends it with `cleanup()`. Raises OSError."""
    application = web.Application(client_max_size=_MAXIMUM_BATCH_BYTES)
    application[_ARRIVALS] = arrivals
    application.router.add_post("/devices/{device}/messages", _receive)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    await web.UnixSite(runner, str(socket)).start()
    return runner


async def _receive(request: web.Request) -> web.Response:
    try:
        batch = json.loads(await request.read())
        rejected = await request.app[_ARRIVALS].receive(request.match_info["device"], batch)
    except (ValueError, RecursionError) as error:
        return web.json_response({"message": f"the body is not JSON: {error}"}, status=400)
    except MalformedBatchError as error:
        return web.json_response({"message": str(error)}, status=400)
    except UpstreamStoreError as error:
        _log.error("nothing was stored: %s", error)
        return web.json_response({"message": str(error)}, status=503)
    return web.json_response({"rejected": rejected})
