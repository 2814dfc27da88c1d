"""Live connections, one for each identity."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass

from edge_runtime.hub.client_report import ClientReport
from edge_runtime.hub.feed import Feed
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.methods import Methods
from edge_runtime.hub.ports import Feature, Link

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Connection:
    link: Link
    features: frozenset[Feature]


class Connections:
    """Who is connected and what it listens to. The newest connection of an identity wins (spec A.6)."""

    def __init__(self, methods: Methods, feed: Feed, report: ClientReport) -> None:
        self._methods = methods
        self._feed = feed
        self._report = report
        self._connections: dict[ClientId, _Connection] = {}
        self.steals: Counter[ClientId] = Counter()
        self.models: dict[ClientId, str] = {}
        """The digital twin models of those that named one when they connected."""

    def __len__(self) -> int:
        return len(self._connections)

    def is_connected(self, client: ClientId) -> bool:
        return client in self._connections

    def attach(self, client: ClientId, link: Link) -> None:
        old = self._connections.get(client)
        if old is not None and old.link is not link:
            self.steals[client] += 1
            logger.warning(
                "%s connected again from %s while connected from %s (%d times now): the new one wins. "
                "Two processes with one identity throw each other out for ever.",
                client,
                link.peer,
                old.link.peer,
                self.steals[client],
            )
            old.link.close("replaced by a newer connection of the same identity")
        self._connections[client] = _Connection(link, frozenset())
        self.models.pop(client, None)
        if link.model_id is not None:
            self.models[client] = link.model_id
        if old is None:
            self._report.connected(client)
            self._feed.publish("connected", device=client.device, module=client.module)

    def set_features(self, client: ClientId, link: Link, features: frozenset[Feature]) -> bool:
        """False when the link is not the client's current one."""
        connection = self._connections.get(client)
        if connection is None or connection.link is not link:
            return False
        connection.features = features
        self._methods.listen(client, link if Feature.METHODS in features else None)
        return True

    def detach(self, client: ClientId, link: Link) -> bool:
        connection = self._connections.get(client)
        if connection is None or connection.link is not link:
            return False
        del self._connections[client]
        self.models.pop(client, None)
        self._methods.listen(client, None)
        self._report.disconnected(client)
        self._feed.publish("disconnected", device=client.device, module=client.module)
        return True

    def link(self, client: ClientId) -> Link | None:
        connection = self._connections.get(client)
        return None if connection is None else connection.link

    def with_feature(self, client: ClientId, feature: Feature) -> Link | None:
        connection = self._connections.get(client)
        return connection.link if connection is not None and feature in connection.features else None

    def close(self, client: ClientId, reason: str) -> None:
        connection = self._connections.get(client)
        if connection is not None:
            connection.link.close(reason)

    def close_all(self, reason: str) -> None:
        for connection in list(self._connections.values()):
            connection.link.close(reason)
