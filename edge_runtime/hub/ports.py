"""What the hub and a protocol head expect of each other. The hub never imports a head.

HubError
├── AuthenticationError   the token, or the identity, is not valid (MQTT CONNACK 5)
├── NotReadyError         try again later (MQTT CONNACK 3, never 5: spec A.7)
└── InvalidTwinError      a patch breaks the twin rules (status 400)
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Protocol

from edge_runtime.hub.message import ClientId, Message, Properties

JsonObject = dict[str, Any]


class HubError(Exception):
    """Root of the hub's errors."""


class AuthenticationError(HubError):
    """`reason` is one of a fixed set of words, fit for a counter's label and free of secrets."""

    def __init__(self, client: str, reason: str) -> None:
        super().__init__(f"{client}: not authenticated ({reason})")
        self.reason = reason


class NotReadyError(HubError):
    """The hub cannot answer yet."""


class InvalidTwinError(HubError):
    """A twin patch that the hub refuses; the message names the property and the rule."""


class Feature(Enum):
    """What a client asked for by subscribing."""

    INPUTS = "inputs"
    METHODS = "methods"
    DESIRED = "desired"
    DEVICEBOUND = "devicebound"


class Link(Protocol):
    """One live connection of one client, as the hub uses it. Calls never block."""

    @property
    def peer(self) -> str:
        """Address of the other end, for the log."""

    @property
    def model_id(self) -> str | None:
        """The digital twin model (`dtmi:...`) that the client named when it connected."""

    @property
    def writable(self) -> bool:
        """False while more than 1 MiB waits in the transport; the head calls `Hub.resume` when it drained."""

    def deliver(
        self, input_name: str, message: Message, *, redelivery: bool, acked: Callable[[], None]
    ) -> None:
        """Send to the client's input; `acked` is called once, when the client confirmed."""

    def invoke(self, request_id: str, method: str, payload: bytes) -> None:
        """Send a direct method request; the answer comes through `Hub.method_answered`."""

    def patch_desired(self, patch: JsonObject, version: int) -> None:
        """Send a desired-properties patch; `patch` holds `$version` already."""

    def close(self, reason: str) -> None:
        """End the connection without DISCONNECT (stealing, expired token, shutdown)."""


class Hub(Protocol):
    """What a protocol head calls. All methods are called on the hub's event loop."""

    device_id: str
    iothub_hostname: str
    gateway_hostname: str

    def authenticate(self, client: ClientId, token: str) -> float:
        """Check a SAS token; return its expiry in Unix seconds. Raises AuthenticationError, NotReadyError."""

    def authenticate_certificate(self, client: ClientId, certificate: bytes) -> float:
        """Check the certificate (DER) of a client that TLS has let in with it; its end in Unix seconds.

        Raises as `authenticate` does.
        """

    def load_session(self, client: ClientId) -> dict[str, int] | None:
        """Subscriptions (filter -> QoS) of a stored session, None when there is none."""

    async def save_session(self, client: ClientId, subscriptions: dict[str, int] | None) -> None:
        """Store (None: delete) a session; returns when durable, so that SUBACK can follow."""

    def attach(self, client: ClientId, link: Link, features: frozenset[Feature]) -> None:
        """A client is connected. An older link of the same client is closed first: the new one wins."""

    def set_features(self, client: ClientId, link: Link, features: frozenset[Feature]) -> None:
        """The client's subscriptions changed."""

    def detach(self, client: ClientId, link: Link) -> None:
        """The connection is gone; what it had not confirmed is delivered again later, in order."""

    def resume(self, client: ClientId) -> None:
        """The client's link is writable again."""

    def publish(
        self,
        client: ClientId,
        output: str | None,
        app: Properties,
        sys: Properties,
        body: bytes,
        stored: Callable[[], None],
    ) -> None:
        """Route and store one message.

        `stored` is called on the loop when every copy is durable (or when nothing matched, or it was dropped
        with a reason): only then may the head acknowledge it.
        """

    def twin(self, client: ClientId) -> JsonObject:
        """`{"desired": {.., "$version"}, "reported": {.., "$version"}}`."""

    async def report(self, client: ClientId, patch: JsonObject) -> int:
        """Merge a reported-properties patch; returns the new version when durable. Raises InvalidTwinError."""

    def method_answered(self, client: ClientId, request_id: str, status: int, payload: bytes) -> None:
        """A direct method's result; unknown request ids are ignored."""

    def drop(self, client: ClientId | None, reason: str, detail: str) -> None:
        """Count and log something the head had to refuse (`bad_topic`, `oversize`, `foreign_filter`...)."""
