"""The connection to edgeHub: made patiently, watched, and taken up again when the SDK has given up.

NotAnEdgeModule(Exception)   the environment names neither a workload API nor a connection string
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from module_kit.backoff import Backoff
from module_kit.message import Outgoing
from module_kit.metrics import CONNECTED, CONNECTIONS_LOST
from module_kit.paho_thread import guard_paho_threads
from module_kit.redaction import redact
from module_kit.sdk_call import sdk_call
from module_kit.sdk_loops import share_one_loop

_log = logging.getLogger(__name__)

KEEP_ALIVE_S = 30
_BY_WORKLOAD_API = [
    "IOTEDGE_IOTHUBHOSTNAME",
    "IOTEDGE_DEVICEID",
    "IOTEDGE_MODULEID",
    "IOTEDGE_GATEWAYHOSTNAME",
    "IOTEDGE_MODULEGENERATIONID",
    "IOTEDGE_WORKLOADURI",
    "IOTEDGE_APIVERSION",
]
_BY_CONNECTION_STRING = ["EdgeHubConnectionString", "EdgeModuleCACertificateFile"]
_GIVEN_UP_AFTER_S = 15.0


class NotAnEdgeModule(Exception):  # noqa: N818 - a state of the environment
    """Neither of the SDK's two ways to find the hub is in the environment (spec A.1)."""

    def __init__(self, missing: list[str]) -> None:
        super().__init__(
            f"not started as an IoT Edge module: the environment lacks {', '.join(missing)} (and there is no "
            f"{' with '.join(_BY_CONNECTION_STRING)}); start the module through `python -m edge_runtime run` "
            "or edgeAgent"
        )


def require_edge(environment: Mapping[str, str]) -> None:
    """Raises `NotAnEdgeModule` when the environment can never lead to a hub."""
    missing = [name for name in _BY_WORKLOAD_API if name not in environment]
    if missing and not all(name in environment for name in _BY_CONNECTION_STRING):
        raise NotAnEdgeModule(missing)


async def connect() -> Any:
    """The SDK's aio module client, connected. Retried until it works; cancel it to stop."""
    backoff = Backoff(first_s=0.1, longest_s=5.0)
    client: Any = None
    while True:
        try:
            if client is None:
                client = await asyncio.to_thread(_create)
            await sdk_call(client.connect())
        except Exception as error:  # noqa: BLE001 - the SDK raises many types for "not there yet"
            delay_s = backoff.next_s()
            _log.info("hub not there yet: %s; again in %.1f s", _reason(error), delay_s)
            await asyncio.sleep(delay_s)
        else:
            return client


def _create() -> Any:
    # imported here: 0.2 s that the self-test, the settings errors and the health check do not pay
    from azure.iot.device.aio import IoTHubModuleClient  # noqa: PLC0415

    guard_paho_threads()
    share_one_loop()
    client = IoTHubModuleClient.create_from_edge_environment(
        keep_alive=KEEP_ALIVE_S,
        connection_retry_interval=1,
        # The SDK's own twin read after a reconnect repeats without pause when it is refused (spec B.7),
        # and cannot tell what was deleted meanwhile: Module reads the whole twin itself.
        ensure_desired_properties=False,
    )
    # A hub that remembers the subscriptions of an earlier process delivers as soon as it is connected to. Without a
    # handler the SDK acknowledges such messages and throws them away; once it has been told that there will be
    # handlers, it keeps them until there are.
    client.on_message_received = None
    return client


def to_sdk(message: Outgoing) -> Any:
    """The SDK's `Message` of `message`."""
    from azure.iot.device import Message  # noqa: PLC0415

    sdk = Message(message.body, message.message_id, message.content_encoding, message.content_type)
    sdk.custom_properties = message.properties
    return sdk


class ConnectionWatch:
    """Tells who must know when the connection comes and goes, and wakes an SDK that has given up.

    The SDK reconnects by itself every second, but stops for good when a hub that is still starting refuses
    its credentials once (spec A.7).
    """

    def __init__(self, client: Any, changed: Callable[[bool], None]) -> None:
        self._client = client
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._was_connected: bool | None = None
        self._over = False
        self._last_error = "the connection was lost"

    def install(self) -> None:
        """Blocks while the SDK sets up its handler threads: call it off the loop's thread."""
        self._client.on_connection_state_change = self._on_change
        self._client.on_background_exception = self._on_error

    async def keep(self) -> None:
        """Run for as long as the module does."""
        backoff = Backoff(first_s=1.0, longest_s=30.0)
        lost_at: float | None = None
        while True:
            self.look()
            if self._client.connected:
                lost_at = None
                backoff.reset()
                await asyncio.sleep(1)
                continue
            lost_at = lost_at or self._loop.time()
            if self._loop.time() - lost_at < _GIVEN_UP_AFTER_S:
                await asyncio.sleep(1)
                continue
            _log.warning("not connected for %.0f s: %s", self._loop.time() - lost_at, self._last_error)
            try:
                await sdk_call(self._client.connect())
            except Exception as error:  # noqa: BLE001 - as in connect
                self._last_error = _reason(error)
                await asyncio.sleep(backoff.next_s())

    def look(self) -> None:
        """Tell a change, once, on the loop's thread."""
        connected = bool(self._client.connected)
        if self._over or connected == self._was_connected:
            return
        if self._was_connected and not connected:
            CONNECTIONS_LOST.inc()
            _log.warning("connection to the hub lost; the SDK reconnects")
        elif connected:
            _log.info("connected to the hub")
        self._was_connected = connected
        CONNECTED.set(connected)
        self._changed(connected)

    def stop(self) -> None:
        """The module disconnects by itself now; that is no loss."""
        self._over = True

    async def _on_change(self) -> None:
        self._loop.call_soon_threadsafe(self.look)

    async def _on_error(self, error: Exception) -> None:
        self._last_error = _reason(error)


def _reason(error: BaseException) -> str:
    cause = error.__cause__
    text = f"{type(error).__name__}: {error}" + (f" ({cause})" if cause and str(cause) else "")
    return redact(text)
