"""One client's MQTT connection: its life, and which packet goes where."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import time
from asyncio.trsock import TransportSocket
from collections.abc import Callable
from functools import partial
from typing import Protocol

from edge_runtime.heads.mqtt import telemetry, topics
from edge_runtime.heads.mqtt.acknowledgements import Acknowledgements, Pending
from edge_runtime.heads.mqtt.codec import MAX_REMAINING_LENGTH, Decoder
from edge_runtime.heads.mqtt.encoder import MAX_TEXT_BYTES, encode
from edge_runtime.heads.mqtt.handshake import (
    ACCEPTED,
    NOT_AUTHORIZED,
    RefusedError,
    authenticate,
    identify,
)
from edge_runtime.heads.mqtt.outbox import Outbox, OutOfPacketIdsError
from edge_runtime.heads.mqtt.packets import (
    Connack,
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    ProtocolError,
    Puback,
    Publish,
    Subscribe,
    Unsubscribe,
)
from edge_runtime.heads.mqtt.property_bag import encode_bag
from edge_runtime.heads.mqtt.session import Session
from edge_runtime.hub.message import ClientId, Message
from edge_runtime.hub.ports import Feature, Hub, JsonObject
from edge_runtime.hub.sas import LEEWAY_S

logger = logging.getLogger(__name__)

MAX_CONNECT_BYTES = 64 * 1024
MAX_SILENCE_S = 600.0
MAX_PENDING_ACKS = 24
"""Publishes without PUBACK at which reading pauses. At 64 a sender that saturates the hub outran its receiver, whose
window is 16: what waited passed the hot window and was read from the disk again, 145 ms in place of 15."""
_RECHECK_S = 60.0


class Registry(Protocol):
    """Who is connected, as the listener keeps it."""

    def admit(self, client: ClientId) -> None:
        """Raises RefusedError when too many identities are connected."""

    def connected(self, connection: Connection, client: ClientId) -> None:
        """The connection has authenticated."""

    def gone(self, connection: Connection) -> None:
        """The connection has ended for the hub; its last bytes may still be on their way."""

    def lost(self, connection: Connection) -> None:
        """The transport is closed."""


class Connection(asyncio.Protocol):
    """Implements `ports.Link`. `data_received` may come before `connection_made` (see `server.py`)."""

    def __init__(self, hub: Hub, registry: Registry, *, peer: str) -> None:
        self._hub = hub
        self._registry = registry
        self._peer = peer
        self._loop = asyncio.get_running_loop()
        self._decoder = Decoder(MAX_CONNECT_BYTES)
        self._outbox = Outbox(self._loop, self._drained)
        self._acks = Acknowledgements(self._outbox.send, self._settled)
        self._socket: TransportSocket | None = None
        self._transport: asyncio.Transport | None = None
        self._early = b""
        self._closed = False
        self._gone = False
        self._reading = True
        self._client: ClientId | None = None
        self._model_id: str | None = None
        self._session: Session | None = None
        self._events = ""
        self._authenticate: Callable[[], float] | None = None
        self._expiry = 0.0
        self._max_silence_s = MAX_SILENCE_S
        self._last_heard = 0.0
        self._watch: asyncio.TimerHandle | None = None

    # The transport's side ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio's promise for streams
        if self._gone:
            transport.abort()
            return
        self._transport = transport
        self._outbox.open(transport)
        self._socket = transport.get_extra_info("socket")
        early, self._early = self._early, b""
        if early:
            self.data_received(early)

    def data_received(self, data: bytes) -> None:
        if self._closed:
            return
        if self._transport is None:
            self._early += data
            return
        self._acknowledge_at_once()
        try:
            self._consume(data)
        except ProtocolError as error:
            self._hub.drop(self._client, error.reason, f"{self._name}: {error.detail}")
            self.close(str(error))

    def _acknowledge_at_once(self) -> None:
        """Spare the client the 40 ms that Nagle's algorithm and delayed acknowledgements cost together.

        paho leaves Nagle's algorithm on: its second small packet waits until the first is acknowledged, which the
        kernel here would put off. The option does not last, so it is set for each piece that arrives.
        """
        if self._socket is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _consume(self, data: bytes) -> None:
        self._last_heard = self._loop.time()
        for packet in self._decoder.feed(data):
            self._handle(packet)
            if self._closed:
                return

    def pause_writing(self) -> None:
        self._outbox.congest()

    def resume_writing(self) -> None:
        self._outbox.relieve()

    def connection_lost(self, exc: Exception | None) -> None:
        logger.debug("%s: connection lost (%s)", self._name, exc or "end of stream")
        self._closed = True
        self._end()
        self._registry.lost(self)

    def _end(self) -> None:
        """Tell everybody, once, that the connection has ended."""
        if self._gone:
            return
        self._gone = True
        self._outbox.close()
        if self._watch is not None:
            self._watch.cancel()
        self._registry.gone(self)
        if self._session is not None:
            self._session.end()
            self._hub.detach(self._session.client, self)

    @property
    def _name(self) -> str:
        return self._peer if self._client is None else f"{self._client} ({self._peer})"

    # ports.Link --------------------------------------------------------------------------------

    @property
    def peer(self) -> str:
        return self._peer

    @property
    def model_id(self) -> str | None:
        return self._model_id

    @property
    def writable(self) -> bool:
        return self._outbox.writable

    def deliver(
        self, input_name: str, message: Message, *, redelivery: bool, acked: Callable[[], None]
    ) -> None:
        """To the module's input, or, a device having none, to the device as cloud-to-device message."""
        if self._session is None:
            return
        client = self._session.client
        if client.module is None:
            bag = encode_bag(message, origin=False)  # it comes from the cloud
            topic, feature = topics.devicebound_topic(client, bag), Feature.DEVICEBOUND
        else:
            topic, feature = topics.input_topic(client, input_name, encode_bag(message)), Feature.INPUTS
        raw = topic.encode()
        if len(raw) > MAX_TEXT_BYTES:
            # Properties that came unescaped may not fit a topic once they are escaped.
            self._hub.drop(client, "too_large", f"a topic of {len(raw)} bytes for input {input_name}")
            self._loop.call_soon(acked)
            return
        qos = self._session.subscriptions.qos(feature)
        self._publish(raw, message.body, qos, dup=redelivery, acked=acked)

    def invoke(self, request_id: str, method: str, payload: bytes) -> None:
        if self._session is not None:
            qos = self._session.subscriptions.qos(Feature.METHODS)
            self._publish(topics.method_topic(method, request_id).encode(), payload, qos)

    def patch_desired(self, patch: JsonObject, version: int) -> None:
        if self._session is not None:
            qos = self._session.subscriptions.qos(Feature.DESIRED)
            payload = json.dumps(patch, separators=(",", ":")).encode()
            self._publish(topics.desired_patch_topic(version).encode(), payload, qos)

    def close(self, reason: str) -> None:
        if self._closed:
            return
        self._closed = True
        logger.info("%s: closing the connection: %s", self._name, reason)
        self._outbox.close()
        if self._transport is not None:
            self._transport.close()
        # Not at once: the hub may be in the middle of attaching this client's next connection.
        self._loop.call_soon(self._end)

    def abort(self) -> None:
        """Drop the connection without waiting for what is still to be written."""
        self.close("aborted")
        if self._transport is not None:
            self._transport.abort()

    def _publish(
        self,
        topic: bytes,
        payload: bytes,
        qos: int,
        *,
        dup: bool = False,
        acked: Callable[[], None] | None = None,
    ) -> None:
        try:
            self._outbox.publish(topic, payload, qos, dup=dup, acked=acked)
        except OutOfPacketIdsError:
            self.close("the client leaves too many messages without PUBACK")

    # Packets -----------------------------------------------------------------------------------

    def _handle(self, packet: Packet) -> None:
        session = self._session
        if session is None:
            if not isinstance(packet, Connect):
                raise ProtocolError("unexpected_packet", f"{type(packet).__name__} before CONNECT")
            self._connect(packet)
            return
        match packet:
            case Publish():
                self._received(session, packet)
            case Puback():
                if not self._outbox.confirm(packet.packet_id):
                    logger.debug("%s: PUBACK of an unknown packet id %d", self._name, packet.packet_id)
            case Subscribe():
                session.subscribe(packet, self._begin(0))
            case Unsubscribe():
                session.unsubscribe(packet, self._begin(0))
            case Pingreq():
                self._outbox.send(encode(Pingresp()))
            case Disconnect():
                self.close("the client disconnected")
            case _:
                raise ProtocolError("unexpected_packet", f"{type(packet).__name__} from a client")

    def _connect(self, packet: Connect) -> None:
        try:
            username = identify(packet)
            client, self._model_id = username.client, username.model_id
            verify = partial(authenticate, self._hub, client, packet.password, self._certificate())
            self._expiry = verify()
            self._registry.admit(client)
        except RefusedError as refusal:
            self._hub.drop(refusal.client, refusal.reason, f"{self._peer}: {refusal}")
            self._outbox.send(encode(Connack(session_present=False, code=refusal.code)))
            self.close(f"refused: {refusal}")
            return
        self._welcome(packet, client)
        self._authenticate = verify

    def _certificate(self) -> bytes | None:
        """The client's certificate (DER), when it has shown one."""
        tls = self._transport and self._transport.get_extra_info("ssl_object")
        return tls.getpeercert(binary_form=True) if tls else None

    def _welcome(self, packet: Connect, client: ClientId) -> None:
        if packet.will is not None:
            self._hub.drop(client, "will", "a will message is not kept: edgeHub has none")
        stored = self._hub.load_session(client)
        present = stored is not None and not packet.clean_session
        self._client = client
        self._session = Session(
            self._hub, self, client, self._outbox, None if packet.clean_session else stored or {}
        )
        if packet.clean_session and stored is not None:
            self._session.forget()
        self._events = topics.events_prefix(client)
        self._decoder.limit = MAX_REMAINING_LENGTH
        if packet.keep_alive_s:
            self._max_silence_s = min(1.5 * packet.keep_alive_s, MAX_SILENCE_S)
        self._registry.connected(self, client)
        self._outbox.send(encode(Connack(session_present=present, code=ACCEPTED)))
        logger.info("%s: connected, session %s", self._name, "restored" if present else "new")
        self._keep_watch()
        self._hub.attach(client, self, self._session.subscriptions.features)

    def _received(self, session: Session, packet: Publish) -> None:
        bag = topics.bag_text(packet.topic, self._events)
        if bag is None:
            self._request(session, packet)
            return
        telemetry.publish(self._hub, session.client, packet, bag, self._begin(packet.packet_id))

    def _request(self, session: Session, packet: Publish) -> None:
        client, topic = session.client, packet.topic
        if topics.names_another(topic, client):
            self._hub.drop(client, "foreign_topic", f"publish to {topic[:200]!r}")
            self.close("publish to a topic of another device or module")
            return
        pending = self._begin(packet.packet_id)
        match topics.parse_request(topic):
            case topics.TwinGet(request_id):
                pending()  # nothing to store; a hub that is not ready must not hold telemetry back
                session.read_twin(request_id, self._begin(0))
            case topics.ReportedPatch(request_id):
                session.report(request_id, packet.payload, pending)
            case topics.MethodResponse(status, request_id):
                self._hub.method_answered(client, request_id, status, packet.payload)
                pending()
            case None:
                self._hub.drop(client, "bad_topic", f"publish to {topic[:200]!r}")
                pending()

    # Flow and time -----------------------------------------------------------------------------

    def _begin(self, packet_id: int) -> Pending:
        pending = self._acks.begin(packet_id)
        if self._reading and len(self._acks) > MAX_PENDING_ACKS and self._transport is not None:
            self._reading = False
            self._transport.pause_reading()
        return pending

    def _settled(self) -> None:
        if not self._reading and len(self._acks) <= MAX_PENDING_ACKS // 2 and not self._closed:
            self._reading = True
            self._last_heard = self._loop.time()
            if self._transport is not None:
                self._transport.resume_reading()

    def _drained(self) -> None:
        if self._session is not None and not self._closed:
            self._hub.resume(self._session.client)

    def _keep_watch(self) -> None:
        """Close on silence, an expired token and one that changed keys have ended.

        Looks at the wall clock often, for it may jump; edgeHub looks at the keys every 5 minutes.
        """
        if self._closed:
            return
        valid_s = self._expiry + LEEWAY_S - time.time()
        # While we do not read, the silence is ours.
        quiet_s = self._loop.time() - self._last_heard if self._reading else 0.0
        if valid_s <= 0:
            self._hub.drop(self._client, "expired_token", f"{self._name}: the token has expired")
            self.close("the token has expired")
        elif quiet_s >= self._max_silence_s:
            self._hub.drop(self._client, "keep_alive", f"{self._name}: silent for {quiet_s:.0f} s")
            self.close(f"nothing heard for {quiet_s:.0f} s")
        elif (refusal := self._refusal()) is not None:
            self._hub.drop(self._client, refusal.reason, f"{self._name}: {refusal}")
            self.close(f"refused now: {refusal}")
        else:
            wait_s = min(valid_s, self._max_silence_s - quiet_s, _RECHECK_S)
            self._watch = self._loop.call_later(max(wait_s, 0.01), self._keep_watch)

    def _refusal(self) -> RefusedError | None:
        """Whether the credentials that it was let in with are no good any more."""
        if self._authenticate is None:
            return None
        try:
            self._authenticate()
        except RefusedError as refusal:
            return refusal if refusal.code == NOT_AUTHORIZED else None
        return None
