"""A module that writes down each message that the real SDK hands to it, and when: receiver.py LEDGER."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from typing import Any

from azure.iot.device.aio import IoTHubModuleClient

from module_kit.paho_thread import guard_paho_threads


async def main(ledger: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    guard_paho_threads()
    client: Any = IoTHubModuleClient.create_from_edge_environment(connection_retry_interval=1)
    file = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def arrived(message: Any) -> None:
        # No await before the write: the SDK starts handlers in order and goes on to the next at an await.
        track, _, sequence = message.data.decode().rstrip(".").rpartition(".")
        properties = message.custom_properties
        copy = f"{properties['attempt']}{'d' if 'mqtt-dup' in properties else ''}"
        os.write(file, f"{track} {sequence} {message.message_id} {time.monotonic():.6f} {copy}\n".encode())

    await asyncio.to_thread(setattr, client, "on_message_received", arrived)
    print("ready", flush=True)
    await stop.wait()
    await client.shutdown()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
