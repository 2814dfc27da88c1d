"""Prometheus metrics over HTTP: what every module counts, and the server."""

from __future__ import annotations

import logging
from collections.abc import Hashable
from pathlib import Path
from typing import Generic, TypeVar

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, start_http_server

_log = logging.getLogger(__name__)
K = TypeVar("K", bound=Hashable)

MESSAGES_SENT = Counter("module_messages_sent", "Messages that the hub has acknowledged.", ["output"])
MESSAGES_RECEIVED = Counter("module_messages_received", "Messages that arrived.", ["input"])
MESSAGES_DROPPED = Counter("module_messages_dropped", "Messages given up, by reason.", ["where", "reason"])
SENDS_IN_FLIGHT = Gauge("module_sends_in_flight", "Messages sent and not yet acknowledged.")
SEND_SECONDS = Histogram(
    "module_send_seconds",
    "From the hand-over to the SDK to the hub's acknowledgement.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30),
)
CONNECTED = Gauge("module_connected", "1 while connected to the hub.")
CONNECTIONS_LOST = Counter("module_connections_lost", "Times that the connection to the hub was lost.")
SETTINGS_REFUSED = Gauge(
    "module_settings_refused", "Settings whose desired value is refused now; the one before it is in force."
)


class Distinct(Generic[K]):
    """Label values that come from outside: the first `most` are told apart, all further ones become `others`.

    A series stays in a process and in Prometheus for good, so its number must have a bound.
    """

    def __init__(self, most: int, others: K) -> None:
        self._most = most
        self._others = others
        self._known: set[K] = set()

    def __call__(self, value: K) -> K:
        """`value`, or what stands for it."""
        if value not in self._known:
            if len(self._known) >= self._most:
                return self._others
            self._known.add(value)
        return value


def default_address() -> str:
    """All addresses inside a container, where the engine decides what is published; loopback elsewhere."""
    in_container = Path("/.dockerenv").exists() or Path("/run/.containerenv").exists()
    return "0.0.0.0" if in_container else "127.0.0.1"


def serve_metrics(address: str, port: int) -> None:
    """Serve `/metrics` from a thread. A port that is taken is logged: metrics must not stop a camera."""
    try:
        start_http_server(port, address, REGISTRY)
    except OSError as error:
        _log.error("no metrics on %s:%d: %s (set METRICS_PORT)", address, port, error)
    else:
        _log.info("metrics on http://%s:%d/metrics", address, port)
