"""The real SDK receives, in a process of its own: first line in a job, then `{"began", "ended", "sent"}`.

Says `ready` when it listens, and `result` when all that was sent has come.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from array import array
from pathlib import Path
from struct import Struct
from typing import Any

from azure.iot.device.aio import IoTHubModuleClient

from benchmarks.hub.children import read_job
from benchmarks.hub.raw_client import PATIENCE_S, percentiles

_STAMP = Struct(">QQ")


class _Seen:
    """Arrival and latency (nanoseconds) of each message; `order` counts those behind a later one."""

    def __init__(self) -> None:
        self.at = array("q")
        self.latencies = array("q")
        self.numbers: set[int] = set()
        self.last = -1
        self.order = self.doubled = 0

    def message(self, body: bytes) -> None:
        now = time.monotonic_ns()
        number, sent_at = _STAMP.unpack_from(body)
        self.at.append(now)
        self.latencies.append(now - sent_at)
        self.doubled += number in self.numbers
        self.numbers.add(number)
        self.order += number < self.last
        self.last = max(self.last, number)


async def main(job: dict[str, Any]) -> None:
    client: Any = IoTHubModuleClient.create_from_connection_string(
        job["connection_string"], server_verification_cert=Path(job["ca"]).read_text()
    )
    seen = _Seen()

    async def arrived(message: Any) -> None:
        seen.message(message.data)

    await client.connect()
    await asyncio.to_thread(setattr, client, "on_message_received", arrived)
    print(json.dumps({"ready": True}), flush=True)
    cpu_s = time.process_time()
    bounds = json.loads(await asyncio.to_thread(sys.stdin.readline))
    cpu_s = time.process_time() - cpu_s
    count, since = -1, time.monotonic()
    while len(seen.numbers) < bounds["sent"] and time.monotonic() - since < PATIENCE_S:
        if len(seen.numbers) != count:
            count, since = len(seen.numbers), time.monotonic()
        await asyncio.sleep(0.02)
    inside = [
        latency
        for at, latency in zip(seen.at, seen.latencies, strict=True)
        if bounds["began"] <= at <= bounds["ended"]
    ]
    result = {
        "received": len(inside),
        "missing": bounds["sent"] - len(seen.numbers),
        "doubled": seen.doubled,
        "swapped": seen.order,
        "cpu_us": cpu_s / max(len(seen.numbers), 1) * 1e6,
        "latencies_ms": percentiles(inside),
    }
    print(json.dumps({"result": result}), flush=True)
    os._exit(0)  # as the sender does


if __name__ == "__main__":
    asyncio.run(main(read_job()))
