"""Ports that the hub uses when it may: what is missing without one is told, and everything else runs."""

from __future__ import annotations

import errno
import logging
import ssl
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from edge_runtime.heads.https import HttpsListener
from edge_runtime.heads.json_errors import errors_as_json
from edge_runtime.heads.module_methods import ModuleMethods
from edge_runtime.hub.edge_hub import EdgeHub

logger = logging.getLogger(__name__)

HTTPS_PORT = 443
_MAX_BODY = 1024 * 1024


@dataclass(slots=True)
class OptionalPorts:
    """`https`: the address that is served, None without one; `warnings`: what does not work, and the mend."""

    https: str | None = None
    warnings: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """For the line that says that the hub is ready."""
        return {"https": self.https, "warnings": self.warnings}


async def serve_optional(
    stack: AsyncExitStack, hub: EdgeHub, tls: ssl.SSLContext, address: str
) -> OptionalPorts:
    """Serve until `stack` closes."""
    ports = OptionalPorts()
    try:
        await _serve_https(stack, hub, tls, address)
        ports.https = f"https://{address}:{HTTPS_PORT}"
    except OSError as error:
        ports.warnings.append(https_warning(address, error))
    for warning in ports.warnings:
        logger.warning("%s", warning)
    return ports


async def _serve_https(stack: AsyncExitStack, hub: EdgeHub, tls: ssl.SSLContext, address: str) -> None:
    application = web.Application(client_max_size=_MAX_BODY, middlewares=[errors_as_json])
    application.add_routes(ModuleMethods(hub).routes())
    listener = HttpsListener(application, tls, lambda reason, detail: hub.drop(None, reason, detail))
    await listener.listen(address, HTTPS_PORT)
    stack.push_async_callback(listener.close)


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
