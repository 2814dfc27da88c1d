"""Ports that the hub uses when it may: what is missing without one is told, and everything else runs."""

from __future__ import annotations

import errno
import logging
import ssl
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from edge_runtime.heads.http_listener import HttpListener
from edge_runtime.heads.json_errors import errors_as_json
from edge_runtime.heads.metrics import MetricsApi
from edge_runtime.heads.module_methods import ModuleMethods
from edge_runtime.heads.mqtt.server import MqttServer
from edge_runtime.heads.mqtt.websocket import MqttOverWebsockets
from edge_runtime.hub.edge_hub import EdgeHub

logger = logging.getLogger(__name__)

HTTPS_PORT = 443
METRICS_PORT = 9600
_MAX_BODY = 1024 * 1024


@dataclass(slots=True)
class OptionalPorts:
    """`https`: a URL, None where nothing is served; `metrics`: HOST:PORT; `warnings`: what clients will miss."""

    https: str | None = None
    metrics: str | None = None
    warnings: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """For the line that says that the hub is ready."""
        return {"https": self.https, "metrics": self.metrics, "warnings": self.warnings}


async def serve_optional(
    stack: AsyncExitStack,
    hub: EdgeHub,
    mqtt: MqttServer,
    tls: ssl.SSLContext,
    address: str,
    *,
    metrics_port: int,
    instance: str,
) -> OptionalPorts:
    """Serve until `stack` closes. Metrics are on `metrics_port` when 9600 is taken.

    That one is a port that an earlier hub process had, so that it stays the same, or 0 for any. Raises OSError.
    """
    ports = OptionalPorts()
    try:
        application = _application(ModuleMethods(hub).routes())
        MqttOverWebsockets(mqtt).add_to(application)
        await _serve(stack, hub, application, tls, address, HTTPS_PORT)
        ports.https = f"https://{address}:{HTTPS_PORT}"
    except OSError as error:
        ports.warnings.append(https_warning(address, error))
    metrics = MetricsApi(hub, instance).routes()
    try:
        bound = await _serve(stack, hub, _application(metrics), None, address, METRICS_PORT)
    except OSError as error:
        bound = await _serve(stack, hub, _application(metrics), None, address, metrics_port)
        ports.warnings.append(
            f"{address}:{METRICS_PORT} cannot be used ({error.strerror}): edgeHub's metrics are on port {bound}"
        )
    ports.metrics = f"{address}:{bound}"
    for warning in ports.warnings:
        logger.warning("%s", warning)
    return ports


def _application(routes: Sequence[web.RouteDef]) -> web.Application:
    application = web.Application(client_max_size=_MAX_BODY, middlewares=[errors_as_json])
    application.add_routes(routes)
    return application


async def _serve(
    stack: AsyncExitStack,
    hub: EdgeHub,
    application: web.Application,
    tls: ssl.SSLContext | None,
    address: str,
    port: int,
) -> int:
    """The port. Raises OSError."""
    listener = HttpListener(application, tls, lambda reason, detail: hub.drop(None, reason, detail))
    bound = await listener.listen(address, port)
    stack.push_async_callback(listener.close)
    return bound


def https_warning(address: str, error: OSError) -> str:
    """What does not work without 443, why, and the mend."""
    lost = "methods from module to module (invoke_method) and MQTT over websockets do not work"
    if error.errno in (errno.EACCES, errno.EPERM):
        why = "this user may not bind ports below 1024"
        mend = (
            "allow it with `sudo sysctl -w net.ipv4.ip_unprivileged_port_start=443`, or for this interpreter with "
            "`sudo setcap cap_net_bind_service=+ep $(readlink -f $(command -v python3))`"
        )
    elif error.errno == errno.EADDRINUSE:
        why = "another process has it"
        mend = f"`ss -ltnp 'sport = :{HTTPS_PORT}'` names it: stop it, or run with --address 127.0.0.2"
    else:
        why, mend = error.strerror or str(error), "see the address given with --address"
    return f"{address}:{HTTPS_PORT} cannot be used, {why}: {lost}, all else does. The SDKs know no other port: {mend}."
