"""A client's subscriptions, and what they mean to the hub."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from edge_runtime.heads.mqtt.topics import TWIN_RESPONSES, feature_of
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import Feature

MAX_FILTERS = 64
MAX_QOS = 1


class Subscriptions:
    """Immutable: `added` and `removed` give new ones, so that they can be stored before they hold.

    `filters` maps each topic filter to its granted QoS. Only filters that this client may have are kept.
    """

    __slots__ = ("_client", "_qos", "filters")

    def __init__(self, client: ClientId, filters: Mapping[str, int] | None = None) -> None:
        self._client = client
        self.filters = dict(filters or {})
        self._qos: dict[Feature | None, int] = {}
        for text, qos in self.filters.items():
            feature = feature_of(text, client)
            self._qos[feature] = max(qos, self._qos.get(feature, 0))

    @property
    def features(self) -> frozenset[Feature]:
        return frozenset(feature for feature in self._qos if feature is not None)

    @property
    def twin_responses(self) -> bool:
        """Does the client listen to the answers to its twin requests?"""
        return TWIN_RESPONSES in self.filters

    def qos(self, feature: Feature | None) -> int:
        """The QoS to send with; None stands for twin responses."""
        return self._qos.get(feature, 0)

    def understands(self, topic_filter: str) -> bool:
        """False for a foreign or unknown filter: granted, never delivered (spec B.2)."""
        return topic_filter == TWIN_RESPONSES or feature_of(topic_filter, self._client) is not None

    def added(self, filters: Iterable[tuple[str, int]]) -> Subscriptions:
        """With these filters, of those that this client may have, up to MAX_FILTERS."""
        merged = dict(self.filters)
        for text, qos in filters:
            if self.understands(text) and (text in merged or len(merged) < MAX_FILTERS):
                merged[text] = min(qos, MAX_QOS)
        return Subscriptions(self._client, merged)

    def removed(self, filters: Iterable[str]) -> Subscriptions:
        gone = set(filters)
        return Subscriptions(self._client, {t: q for t, q in self.filters.items() if t not in gone})
