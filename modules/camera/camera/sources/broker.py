"""`mqtt://HOST/TOPIC`: cameras that publish JPEG (or PNG) pictures to a plain MQTT broker."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from camera.image_file import has_trailer, sniff
from camera.picture import ImageFile, Picture
from camera.sources.source import SourceEvents, SourceUnavailableError
from camera.sources.spec import SourceSpec

if TYPE_CHECKING:
    import aiomqtt

MAXIMUM_PICTURE_BYTES = 8 * 1024 * 1024
CONNECT_TIMEOUT_S = 4.0
_QUIET = logging.getLogger("camera.mqtt")
_QUIET.setLevel(logging.CRITICAL)


@dataclass(slots=True, frozen=True)
class Broker:
    """Where the pictures are published.

    Attributes:
        ca: file of the certificate authority to trust, PEM; None for the system's.
    """

    host: str
    port: int
    topic: str
    tls: bool
    user: str | None = field(repr=False)
    password: str | None = field(repr=False)
    ca: str | None
    masked: str

    @classmethod
    def of(cls, spec: SourceSpec) -> Broker:
        parts = urlsplit(spec.target)
        tls = parts.scheme == "mqtts"
        return cls(
            host=parts.hostname or "",
            port=parts.port or (8883 if tls else 1883),
            topic=unquote(parts.path).removeprefix("/"),
            tls=tls,
            user=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
            ca=spec.options.get("ca"),
            masked=spec.masked,
        )


class BrokerSource:
    """Each picture that is published while the source is open; a retained one is of the past and left out.

    Args:
        capacity: pictures that may wait to be sent; when one more comes, the oldest goes.
    """

    live = True
    repeats = False
    natural_fps = None

    def __init__(self, broker: Broker, capacity: int, events: SourceEvents) -> None:
        self._broker = broker
        self._capacity = capacity
        self._events = events

    async def pictures(self) -> AsyncGenerator[Picture, None]:
        import aiomqtt  # noqa: PLC0415 - only this source needs it

        tls = await asyncio.to_thread(self._tls)
        try:
            async for picture in self._subscribed(aiomqtt.ProtocolVersion.V5, tls):
                yield picture
        except _OldBrokerError:
            async for picture in self._subscribed(aiomqtt.ProtocolVersion.V311, tls):
                yield picture

    async def _subscribed(
        self, protocol: aiomqtt.ProtocolVersion, tls: ssl.SSLContext | None
    ) -> AsyncGenerator[Picture, None]:
        import aiomqtt  # noqa: PLC0415

        client = self._client(protocol, tls)
        try:
            async with client:
                granted = await client.subscribe(self._broker.topic, qos=0)
                self._check_granted(granted)
                async for message in client.messages:
                    picture = self._picture(message)
                    if picture is not None:
                        yield picture
        except aiomqtt.MqttError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                # The client, on its way out, puts a lost connection in the place of the cancellation.
                raise asyncio.CancelledError from None
            raise self._translated(error, protocol) from None
        except OSError as error:
            raise SourceUnavailableError(f"{self._broker.masked}: {error.strerror or error}") from None

    def _client(self, protocol: aiomqtt.ProtocolVersion, tls: ssl.SSLContext | None) -> aiomqtt.Client:
        import aiomqtt  # noqa: PLC0415

        return aiomqtt.Client(
            self._broker.host,
            self._broker.port,
            username=self._broker.user,
            password=self._broker.password,
            protocol=protocol,
            properties=_size_limit() if protocol is aiomqtt.ProtocolVersion.V5 else None,
            tls_context=tls,
            timeout=CONNECT_TIMEOUT_S,
            keepalive=5,
            queue_type=_newest_queue(lambda: self._events.dropped("overflow")),
            max_queued_incoming_messages=self._capacity,
            logger=_QUIET,
        )

    def _tls(self) -> ssl.SSLContext | None:
        if not self._broker.tls:
            return None
        try:
            return ssl.create_default_context(cafile=self._broker.ca)
        except (OSError, ssl.SSLError) as error:
            raise SourceUnavailableError(
                f"{self._broker.masked}: the CA file {self._broker.ca} cannot be read: {error}"
            ) from None

    def _check_granted(self, granted: Any) -> None:
        code = granted[0] if granted else 0x80
        if getattr(code, "value", code) >= 0x80:
            raise SourceUnavailableError(f"{self._broker.masked}: the broker refuses the subscription")

    def _picture(self, message: aiomqtt.Message) -> ImageFile | None:
        body = message.payload
        reason = _fault(body, retained=message.retain)
        if reason is not None or not isinstance(body, bytes):
            self._events.dropped(reason or "not_an_image")
            return None
        return ImageFile(body, captured_at=time.time())

    def _translated(self, error: Exception, protocol: aiomqtt.ProtocolVersion) -> Exception:
        import aiomqtt  # noqa: PLC0415

        code = getattr(error, "rc", None)
        value = getattr(code, "value", code)
        if isinstance(error, aiomqtt.exceptions.MqttConnectError):
            if protocol is aiomqtt.ProtocolVersion.V5 and value in _WRONG_PROTOCOL:
                return _OldBrokerError()
            if value in _BAD_CREDENTIALS:
                return SourceUnavailableError(
                    f"{self._broker.masked}: the broker refused user name or password"
                )
        return SourceUnavailableError(f"{self._broker.masked}: {error}")


_WRONG_PROTOCOL = (1, 0x84)
_BAD_CREDENTIALS = (4, 5, 0x86, 0x87)


class _OldBrokerError(Exception):
    """The broker does not speak MQTT 5."""


def _fault(body: object, *, retained: bool) -> str | None:
    if retained:
        return "retained"
    if not isinstance(body, bytes) or sniff(body) is None:
        return "not_an_image"
    if len(body) > MAXIMUM_PICTURE_BYTES:
        return "file_too_large"
    return None if has_trailer(body) else "incomplete"


def _size_limit() -> Any:
    """MQTT 5 lets a client say what it accepts, so that a huge message never crosses the network."""
    from paho.mqtt.packettypes import PacketTypes  # noqa: PLC0415
    from paho.mqtt.properties import Properties  # noqa: PLC0415

    properties = Properties(PacketTypes.CONNECT)
    properties.MaximumPacketSize = MAXIMUM_PICTURE_BYTES + 65_536
    return properties


def _newest_queue(dropped: Callable[[], None]) -> Any:
    """A queue type for aiomqtt that makes room for the newest; aiomqtt itself would refuse the newest."""

    class NewestQueue(asyncio.Queue[Any]):
        def put_nowait(self, item: Any) -> None:
            while self.full():
                self.get_nowait()
                dropped()
            super().put_nowait(item)

    return NewestQueue
