"""What the engine tells of a container that runs: its output, and what it uses."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from docker import APIClient

from edge_runtime.agent.docker.connection import ask
from edge_runtime.agent.engine import LogLine, Resources

_NANOSECONDS = 1e9
_NEVER = datetime.min.replace(tzinfo=UTC)


def log_lines(api: APIClient, container: str, since: datetime | None) -> Iterator[LogLine]:
    """Both streams, in the order in which they were written. Blocks. Raises DockerError."""
    streams = (_stream(api, container, name, since) for name in ("stdout", "stderr"))
    return heapq.merge(*streams, key=lambda line: line.written_at or _NEVER)


def _stream(api: APIClient, container: str, name: str, since: datetime | None) -> Iterator[LogLine]:
    chunks: Iterable[bytes] = ask(
        lambda: api.logs(
            container,
            stdout=name == "stdout",
            stderr=name == "stderr",
            stream=True,
            follow=False,
            timestamps=True,
            since=since.timestamp() if since else None,
        )
    )
    for line in _lines(chunks):
        stamp, _, text = line.rstrip("\r").partition(" ")
        yield LogLine(text, name, engine_time(stamp))


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.decode("utf-8", "replace") for line in whole)
    if rest:
        yield rest.decode("utf-8", "replace")


def engine_time(stamp: str) -> datetime | None:
    """RFC 3339 with nanoseconds, of which Python takes six digits; None for the year 1, which means never."""
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    return moment if moment.year > 1 else None


def resources(api: APIClient, container: str) -> Resources | None:
    """None when it does not run any more. Blocks. Raises DockerError."""
    one_shot = {"one_shot": True} if _supports_one_shot(api) else {}
    reading: dict[str, Any] = ask(lambda: api.stats(container, stream=False, **one_shot))
    memory = reading.get("memory_stats") or {}
    if "usage" not in memory:
        return None
    details = memory.get("stats") or {}
    reclaimable = details.get("inactive_file", details.get("total_inactive_file", 0))
    networks = (reading.get("networks") or {}).values()
    return Resources(
        cpu_s=reading["cpu_stats"]["cpu_usage"]["total_usage"] / _NANOSECONDS,
        memory_bytes=max(0, memory["usage"] - reclaimable),
        memory_limit_bytes=memory.get("limit", 0),
        processes=(reading.get("pids_stats") or {}).get("current", 0),
        disk_read_bytes=_disk(reading, "read"),
        disk_written_bytes=_disk(reading, "write"),
        network_in_bytes=sum(network["rx_bytes"] for network in networks) if networks else None,
        network_out_bytes=sum(network["tx_bytes"] for network in networks) if networks else None,
    )


def _supports_one_shot(api: APIClient) -> bool:
    """Older engines wait a second for a second sample."""
    return tuple(int(part) for part in api.api_version.split(".")) >= (1, 41)


def _disk(reading: dict[str, Any], operation: str) -> int | None:
    entries = (reading.get("blkio_stats") or {}).get("io_service_bytes_recursive")
    if entries is None:
        return None
    return sum(int(entry["value"]) for entry in entries if entry["op"].lower() == operation)
