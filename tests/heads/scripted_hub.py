"""A hub that does what the test tells it: refuses, waits, fails. What it is told, it writes down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from edge_runtime.hub.message import ClientId, Properties
from edge_runtime.hub.ports import Feature, Hub, JsonObject, Link


@dataclass
class Published:
    client: ClientId
    output: str | None
    app: Properties
    sys: Properties
    body: bytes
    stored: Callable[[], None]


@dataclass
class ScriptedHub(Hub):
    device_id: str = "edge"
    iothub_hostname: str = "hub.net"
    gateway_hostname: str = "gateway.local"

    # What happens next.
    authentication: Exception | None = None
    expiry: float = 4e9
    stores_at_once: bool = True
    twins: list[JsonObject | Exception] = field(default_factory=list)
    report_error: Exception | None = None
    disk: asyncio.Event = field(default_factory=asyncio.Event)

    # What has happened.
    tokens: list[str] = field(default_factory=list)
    certificates: list[bytes] = field(default_factory=list)
    sessions: dict[ClientId, dict[str, int]] = field(default_factory=dict)
    links: dict[ClientId, Link] = field(default_factory=dict)
    features: dict[ClientId, frozenset[Feature]] = field(default_factory=dict)
    published: list[Published] = field(default_factory=list)
    reported: list[JsonObject] = field(default_factory=list)
    answers: list[tuple[str, int, bytes]] = field(default_factory=list)
    drops: list[tuple[str | None, str]] = field(default_factory=list)
    resumed: int = 0

    def __post_init__(self) -> None:
        self.disk.set()

    def authenticate(self, client: ClientId, token: str) -> float:
        self.tokens.append(token)
        if self.authentication is not None:
            raise self.authentication
        return self.expiry

    def authenticate_certificate(self, client: ClientId, certificate: bytes) -> float:
        self.certificates.append(certificate)
        if self.authentication is not None:
            raise self.authentication
        return self.expiry

    def load_session(self, client: ClientId) -> dict[str, int] | None:
        return self.sessions.get(client)

    async def save_session(self, client: ClientId, subscriptions: dict[str, int] | None) -> None:
        await self.disk.wait()
        if subscriptions is None:
            self.sessions.pop(client, None)
        else:
            self.sessions[client] = dict(subscriptions)

    def attach(self, client: ClientId, link: Link, features: frozenset[Feature]) -> None:
        if client in self.links:
            self.links[client].close("replaced")
        self.links[client], self.features[client] = link, features

    def set_features(self, client: ClientId, link: Link, features: frozenset[Feature]) -> None:
        self.features[client] = features

    def detach(self, client: ClientId, link: Link) -> None:
        if self.links.get(client) is link:
            del self.links[client]

    def resume(self, client: ClientId) -> None:
        self.resumed += 1

    def publish(
        self,
        client: ClientId,
        output: str | None,
        app: Properties,
        sys: Properties,
        body: bytes,
        stored: Callable[[], None],
    ) -> None:
        self.published.append(Published(client, output, app, sys, body, stored))
        if self.stores_at_once:
            asyncio.get_running_loop().call_soon(stored)

    def twin(self, client: ClientId) -> JsonObject:
        answer = self.twins.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def report(self, client: ClientId, patch: JsonObject) -> int:
        await self.disk.wait()
        if self.report_error is not None:
            raise self.report_error
        self.reported.append(patch)
        return len(self.reported) + 1

    def method_answered(self, client: ClientId, request_id: str, status: int, payload: bytes) -> None:
        self.answers.append((request_id, status, payload))

    def drop(self, client: ClientId | None, reason: str, detail: str) -> None:
        self.drops.append((None if client is None else str(client), reason))
