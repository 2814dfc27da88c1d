"""The hub's way to the local IoT Hub: HTTP over a unix socket (docs/runtime-interfaces.md, "Upstream")."""

from __future__ import annotations

import base64
import binascii
import io
import json
from collections.abc import Mapping, Sequence
from urllib.parse import quote

import aiohttp
from yarl import URL

from edge_runtime.hub.devicebound import Devicebound
from edge_runtime.hub.queue_store import Stored
from edge_runtime.hub.upstream_delivery import UpstreamError

_TIMEOUT_S = 20.0
_WAIT_S = 60
_JSON = {"Content-Type": "application/json"}
_PIECE_BYTES = 1024 * 1024
# Made once: `json.dumps` with arguments builds an encoder for each call. What is encoded holds no loop.
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class LocalIotHub:
    """Implements `hub.upstream_delivery.Upstream` and `hub.devicebound.DeviceboundSource`."""

    def __init__(self, socket: str, device_id: str) -> None:
        self._url = URL(_messages(device_id), encoded=True)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(socket), timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S)
        )

    async def send(self, batch: Sequence[Stored]) -> Mapping[int, str]:
        try:
            body = _encode({"messages": [_document(stored) for stored in batch]}).encode()
            # aiohttp warns of a megabyte handed over in one piece; what is less goes out at once that way.
            data = body if len(body) < _PIECE_BYTES else io.BytesIO(body)
            async with self._session.post(self._url, data=data, headers=_JSON) as response:
                if response.status != 200:
                    raise UpstreamError(f"the local IoT Hub answered {response.status}")
                answer = await response.json()
            return {int(entry["sequence"]): str(entry["reason"]) for entry in answer["rejected"]}
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _unreachable(error) from error
        except (ValueError, LookupError, TypeError) as error:
            raise UpstreamError(f"the local IoT Hub's answer makes no sense ({error!r})") from error

    async def receive(self, device: str) -> Devicebound | None:
        """Asks for as long as a message may take to come, so that a device that listens costs next to nothing."""
        timeout = aiohttp.ClientTimeout(total=_WAIT_S + _TIMEOUT_S)
        address = f"{_devicebound(device)}?wait={_WAIT_S}"
        try:
            async with self._session.get(URL(address, encoded=True), timeout=timeout) as response:
                if response.status == 204:
                    return None
                if response.status != 200:
                    raise UpstreamError(f"the local IoT Hub answered {response.status}")
                document = await response.json()
            return Devicebound(
                sequence=document["sequence"],
                deliveries=document["deliveries"],
                app=document["properties"],
                sys=document["systemProperties"],
                body=base64.b64decode(document["body"]),
            )
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _unreachable(error) from error
        except (ValueError, LookupError, TypeError) as error:
            raise UpstreamError(f"the local IoT Hub's answer makes no sense ({error!r})") from error

    async def complete(self, device: str, sequence: int) -> None:
        address = URL(f"{_devicebound(device)}/{sequence}", encoded=True)
        try:
            async with self._session.delete(address) as response:
                if response.status != 204:
                    raise UpstreamError(f"the local IoT Hub answered {response.status}")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _unreachable(error) from error

    async def close(self) -> None:
        await self._session.close()


def _messages(device: str) -> str:
    return f"http://iothub/devices/{quote(device, safe='')}/messages"


def _devicebound(device: str) -> str:
    return f"{_messages(device)}/devicebound"


def _unreachable(error: Exception) -> UpstreamError:
    return UpstreamError(f"the local IoT Hub cannot be reached ({str(error) or type(error).__name__})")


def _document(stored: Stored) -> dict[str, object]:
    message = stored.message
    return {
        "sequence": stored.sequence,
        "body": binascii.b2a_base64(message.body, newline=False).decode(),
        "properties": message.app,
        "systemProperties": message.sys,
    }
