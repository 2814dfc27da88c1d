"""The real SDK sends, in a process of its own: a job as JSON on standard input, lines of JSON on standard output.

`began` and `ended` bound the measured time; `result` follows when every message is acknowledged.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from struct import Struct
from typing import Any

from azure.iot.device import Message
from azure.iot.device.aio import IoTHubModuleClient

from benchmarks.hub.children import read_job

_STAMP = Struct(">QQ")


async def main(job: dict[str, Any]) -> None:
    client: Any = IoTHubModuleClient.create_from_connection_string(
        job["connection_string"], server_verification_cert=Path(job["ca"]).read_text()
    )
    await client.connect()
    sending = _Sending(client, job["size"])
    rate = job["rate"]
    tasks = [asyncio.create_task(sending.paced(rate))] if rate else []
    tasks += [asyncio.create_task(sending.at_will()) for _ in range(0 if rate else job["in_flight"])]
    await asyncio.sleep(job["warm_up_s"])
    began, cpu, acknowledged = time.monotonic_ns(), time.process_time(), sending.acknowledged
    _say({"began": began})
    await asyncio.sleep(job["seconds"])
    ended, cpu, acknowledged = (
        time.monotonic_ns(),
        time.process_time() - cpu,
        sending.acknowledged - acknowledged,
    )
    _say({"ended": ended})
    sending.stopped = True
    await asyncio.gather(*tasks, *sending.paced_sends)
    _say({"result": {"sent": sending.sent, "acknowledged": acknowledged, "cpu_s": cpu}})
    # Not shutdown(): amqtt answers DISCONNECT so slowly that the SDK gives up on it with a traceback.
    os._exit(0)


class _Sending:
    def __init__(self, client: Any, size: int) -> None:
        self._client = client
        self._filler = b"\xa5" * (size - _STAMP.size)
        self.stopped = False
        self.sent = self.acknowledged = 0
        self.paced_sends: set[asyncio.Task[None]] = set()

    async def at_will(self) -> None:
        """One of several loops, each with one message under way."""
        while not self.stopped:
            await self._send()

    async def paced(self, rate: float) -> None:
        """An open loop."""
        loop = asyncio.get_running_loop()
        began, due = loop.time(), 0
        while not self.stopped:
            while due < (loop.time() - began) * rate:
                task = asyncio.create_task(self._send())
                self.paced_sends.add(task)
                task.add_done_callback(self.paced_sends.discard)
                due += 1
            await asyncio.sleep(began + due / rate - loop.time())

    async def _send(self) -> None:
        number = self.sent
        self.sent += 1
        message = Message(
            _STAMP.pack(number, time.monotonic_ns()) + self._filler,
            message_id=f"{number:016x}",
            content_type="application/octet-stream",
            content_encoding="utf-8",
        )
        message.custom_properties = {"kind": "frame", "camera": "front"}
        await self._client.send_message_to_output(message, "out")
        self.acknowledged += 1


def _say(document: dict[str, Any]) -> None:
    print(json.dumps(document), flush=True)


if __name__ == "__main__":
    asyncio.run(main(read_job()))
