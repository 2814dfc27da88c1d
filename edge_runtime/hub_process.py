"""The hub's process: `python -m edge_runtime hub --config STATE/hub.json`.

Prints `ready {...}` when every listener is up. Exit codes: 0 stopped by SIGTERM, 2 bad configuration or a store
that cannot be opened, 3 the MQTT port is taken, 1 anything else (the supervisor starts it again).
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import gc
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiohttp import web

from edge_runtime.early_hub import WAIT, wait_for_word
from edge_runtime.heads import agent_methods
from edge_runtime.heads.control import ControlApi
from edge_runtime.heads.mqtt.server import MqttServer
from edge_runtime.heads.observer import ObserverApi
from edge_runtime.heads.upstream import LocalIotHub
from edge_runtime.heads.workload_sockets import WorkloadSockets
from edge_runtime.http_log import HttpLog
from edge_runtime.hub.admission import DEFAULT_LIMIT_BYTES
from edge_runtime.hub.certificate_reload import CertificateReload
from edge_runtime.hub.certificate_renewal import CertificateRenewal
from edge_runtime.hub.certificates import CertificateError, ensure_certificates, server_context
from edge_runtime.hub.database import StoreDamagedError, StoreError
from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.settings import DEFAULTS, HubSettings
from edge_runtime.hub.system_methods import edge_hub_methods
from edge_runtime.hub_ports import serve_optional
from edge_runtime.lasting import keep_running
from edge_runtime.log_format import EdgeFormatter

logger = logging.getLogger(__name__)

STORE = "hub.db"
MQTT_PORT = 8883
EXIT_DAMAGED_STORE = 1
EXIT_BAD_CONFIGURATION = 2
EXIT_PORT_TAKEN = 3
_COLLECT_AT = 10_000
_LOG_LEVEL = "RuntimeLogLevel"
_LOG_LEVELS = {
    "fatal": logging.CRITICAL,
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "information": logging.INFO,
    "debug": logging.DEBUG,
    "verbose": logging.DEBUG,
}


@dataclass(frozen=True, slots=True)
class HubConfig:
    """`hub.json` (docs/runtime-interfaces.md)."""

    device_id: str
    iothub_hostname: str
    gateway_hostname: str
    address: str
    state: Path
    sockets: Path
    observer_port: int
    observer_token: str
    store_limit_bytes: int = DEFAULT_LIMIT_BYTES
    metrics_port: int = 0
    settings: HubSettings = DEFAULTS

    @classmethod
    def load(cls, path: Path) -> HubConfig:
        """Raises ValueError naming the file and what is wrong in it."""
        try:
            document: dict[str, Any] = json.loads(path.read_text())
            return cls(
                device_id=document["deviceId"],
                iothub_hostname=document["iothubHostname"],
                gateway_hostname=document["gatewayHostname"],
                address=document["address"],
                state=Path(document["state"]),
                sockets=Path(document["sockets"]),
                observer_port=int(document["observer"]["port"]),
                observer_token=document["observer"]["token"],
                store_limit_bytes=int(document.get("storeLimitBytes") or DEFAULT_LIMIT_BYTES),
                metrics_port=int(document.get("metrics", {}).get("port", 0)),
                settings=HubSettings.of(document.get("settings", {})),
            )
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}: {error}") from error
        except KeyError as error:
            raise ValueError(f"{path}: {error} is missing") from error


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m edge_runtime hub")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument(WAIT, action="store_true", help="do nothing until told to on standard input")
    arguments = parser.parse_args(argv)
    if arguments.wait and not wait_for_word():
        return 0
    _start_logging(os.environ.get(_LOG_LEVEL) or "info")
    try:
        config = HubConfig.load(arguments.config)
        # What was imported stays for good: the collector need not walk it again and again.
        gc.freeze()
        # Nor, with each 700 values more than before, the messages under way, which end without its help.
        gc.set_threshold(_COLLECT_AT)
        return asyncio.run(_run(config))
    except StoreDamagedError as error:
        logger.critical("%s; the next start reads what it can", error)
        return EXIT_DAMAGED_STORE
    except (ValueError, StoreError, CertificateError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return EXIT_BAD_CONFIGURATION


def _start_logging(level: str) -> None:
    """`level` is one of edgeHub's names; an unknown one is told and means info."""
    handler = logging.StreamHandler()
    handler.setFormatter(EdgeFormatter())
    logging.basicConfig(level=_LOG_LEVELS.get(level.lower(), logging.INFO), handlers=[handler])
    if level.lower() not in _LOG_LEVELS:
        logger.warning("%s: %r is none of %s; using info", _LOG_LEVEL, level, ", ".join(_LOG_LEVELS))


async def _run(config: HubConfig) -> int:
    stop: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def finish(code: int) -> None:
        if not stop.done():
            stop.set_result(code)

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, finish, 0)

    def store_failed(error: Exception) -> None:
        logger.critical("The store cannot be used any more, nothing is acknowledged: %s", error)
        finish(1)

    def ended(background: asyncio.Task[None]) -> None:
        if not background.cancelled() and (error := background.exception()) is not None:
            logger.critical("The hub cannot go on", exc_info=error)
        finish(1)

    try:
        async with _serving(config, store_failed) as (hub, listeners):
            background = asyncio.create_task(hub.run(), name="hub")
            background.add_done_callback(ended)
            print(f"ready {json.dumps(listeners)}", flush=True)  # noqa: T201
            code = await stop
            background.cancel()
            await asyncio.gather(background, return_exceptions=True)
            return code
    except _PortTakenError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return EXIT_PORT_TAKEN


class _PortTakenError(Exception):
    def __init__(self, address: str) -> None:
        # The gateway of a Docker network is this device's alone, so only a process that listens everywhere has it.
        other = ip_address(address).is_loopback
        mend = "run with --address 127.0.0.2" if other else "bind it to one address instead of all"
        super().__init__(
            f"{address}:{MQTT_PORT} is taken by another process (another runtime, edgeHub or an MQTT broker). "
            f"The SDKs know no other port: stop that process, or {mend}."
        )


@asynccontextmanager
async def _serving(config: HubConfig, store_failed: Any) -> AsyncIterator[tuple[EdgeHub, dict[str, Any]]]:
    """All listeners, the hub behind them, what to tell of them; clients' come last, when all they need is there."""
    ensure = partial(
        ensure_certificates,
        config.state / "certificates",
        gateway=config.gateway_hostname,
        also=(config.address, "edgeHub"),
    )
    certificates = ensure()
    async with AsyncExitStack() as stack:
        upstream = LocalIotHub(str(config.sockets / "iothub.sock"), config.device_id)
        stack.push_async_callback(upstream.close)
        hub = EdgeHub(
            device_id=config.device_id,
            iothub_hostname=config.iothub_hostname,
            gateway_hostname=config.gateway_hostname,
            database=config.state / STORE,
            upstream=upstream,
            failed=store_failed,
            devicebound=upstream,
            store_limit_bytes=config.store_limit_bytes,
            settings=config.settings,
        )
        stack.callback(hub.close)
        await hub.recover()
        agent = agent_methods.EdgeAgentMethods(str(config.sockets / agent_methods.SOCKET))
        stack.push_async_callback(agent.close)
        hub.methods.serve(ClientId(config.device_id, "$edgeAgent"), agent)
        hub.methods.serve(ClientId(config.device_id, "$edgeHub"), edge_hub_methods)
        sockets = WorkloadSockets(hub, config.sockets, certificates)
        stack.push_async_callback(sockets.close)
        await sockets.serve(m for m in hub.identities.modules if not m.startswith("$"))
        control = ControlApi(hub, sockets)
        await _serve_unix(stack, control.application(), config.sockets / "control.sock")
        observer = ObserverApi(hub, token=config.observer_token, instance=control.instance)
        url = await _serve_tcp(stack, observer.application(), config.address, config.observer_port)
        tls = server_context(certificates)
        reload = CertificateReload(certificates.chain_path, certificates.key_path, [tls])
        renewal = keep_running(
            "The certificate's renewal", CertificateRenewal(certificates, ensure, reload).run
        )
        stack.callback(renewal.cancel)
        mqtt = MqttServer(
            hub,
            tls,
            connect_timeout_s=config.settings.connect_timeout_s,
            max_clients=config.settings.max_connected_clients,
        )
        stack.push_async_callback(mqtt.close)
        try:
            await mqtt.listen(config.address, MQTT_PORT)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise _PortTakenError(config.address) from error
            raise
        optional = await serve_optional(
            stack,
            hub,
            mqtt,
            tls,
            config.address,
            metrics_port=config.metrics_port,
            instance=control.instance,
        )
        if hub.salvaged is not None:
            optional.warnings.append(f"{config.state / STORE}: {hub.salvaged}")
        yield hub, {"observer": url, **optional.document()}


async def _runner(stack: AsyncExitStack, application: web.Application, **options: Any) -> web.AppRunner:
    runner = web.AppRunner(application, access_log=None, logger=HttpLog(), shutdown_timeout=1.0, **options)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    return runner


async def _serve_unix(stack: AsyncExitStack, application: web.Application, path: Path) -> None:
    path.unlink(missing_ok=True)
    runner = await _runner(stack, application)
    await web.UnixSite(runner, str(path)).start()
    path.chmod(0o600)
    stack.callback(path.unlink, missing_ok=True)


async def _serve_tcp(stack: AsyncExitStack, application: web.Application, address: str, port: int) -> str:
    # A reader of the feed that has gone would be noticed no sooner than there is something to write.
    runner = await _runner(stack, application, handler_cancellation=True)
    site = web.TCPSite(runner, address, port)
    await site.start()
    bound = runner.addresses[0]
    return f"http://{bound[0]}:{bound[1]}"
