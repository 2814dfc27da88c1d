"""A module for any route: adds its name to the path of what comes in and sends it on by the output `out`.

With BEGINS=1 it sends a first message once a second. It reports the desired properties that it has taken.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from typing import Any

from azure.iot.device import Message
from azure.iot.device.aio import IoTHubModuleClient

NAME = os.environ["IOTEDGE_MODULEID"]


async def main() -> None:
    """Until SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    client = IoTHubModuleClient.create_from_edge_environment(connection_retry_interval=1)

    async def send(path: list[str], properties: dict[str, str]) -> None:
        body = json.dumps({"path": [*path, NAME]})
        message = Message(body, content_encoding="utf-8", content_type="application/json")
        message.custom_properties = properties
        await client.send_message_to_output(message, "out")

    async def received(message: Any) -> None:
        # The SDK hands over the hub's own properties among the application's.
        own = {name: value for name, value in message.custom_properties.items() if not name.startswith("$")}
        await send(json.loads(message.data)["path"], own)

    async def desired(patch: dict[str, Any]) -> None:
        taken = {name: value for name, value in patch.items() if name != "$version"}
        await client.patch_twin_reported_properties(taken)

    client.on_message_received = received
    client.on_twin_desired_properties_patch_received = desired
    await client.connect()
    await desired((await client.get_twin())["desired"])
    while not stopped.is_set():
        if os.environ.get("BEGINS"):
            await send([], {})
        try:
            await asyncio.wait_for(stopped.wait(), 1)
        except TimeoutError:
            continue
    await client.shutdown()


if __name__ == "__main__":
    asyncio.run(main())
