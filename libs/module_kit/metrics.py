"""Prometheus metrics over HTTP: what every module counts, and the server."""

from __future__ import annotations

import logging
from pathlib import Path

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, start_http_server

_log = logging.getLogger(__name__)

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
