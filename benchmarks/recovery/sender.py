"""A module that sends numbered messages through the real SDK and writes down each one that was acknowledged.

usage: sender.py LEDGER TRACKS [MESSAGES A TRACK]

Each track sends one message at a time, so that the order of a track is the sender's own. SIGTERM: every track
ends with the message that is under way.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
from typing import Any

from azure.iot.device import Message
from azure.iot.device.aio import IoTHubModuleClient

from module_kit.paho_thread import guard_paho_threads


async def main(ledger: str, tracks: int, messages: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    guard_paho_threads()
    client: Any = IoTHubModuleClient.create_from_edge_environment(connection_retry_interval=1)
    file = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    name = os.environ["IOTEDGE_MODULEID"]

    async def send(track: str) -> None:
        sequence = 0
        while not stop.is_set() and sequence != messages:
            await _until_acknowledged(client, f"{track}.{sequence}")
            os.write(file, f"{track} {sequence}\n".encode())
            sequence += 1

    async with asyncio.TaskGroup() as group:
        for number in range(tracks):
            group.create_task(send(f"{name}{number}"))
    await client.shutdown()


async def _until_acknowledged(client: Any, message_id: str) -> None:
    for attempt in itertools.count(1):
        message = Message(message_id.ljust(1024, "."), message_id=message_id)
        message.custom_properties["attempt"] = str(attempt)
        try:
            await client.send_message_to_output(message, "out")
        except Exception as error:  # noqa: BLE001 - the SDK raises many types for this
            # The SDK says that it does not know; the same message goes again, under the same id.
            print(f"{message_id}: {type(error).__name__}: {error}", file=sys.stderr)
            await asyncio.sleep(0.2)
        else:
            return


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else -1))
