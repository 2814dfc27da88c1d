"""A module of the usual kind: what comes in at `input1` goes out at `output1` when the machine is hot."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import Any

from azure.iot.device import Message
from azure.iot.device.aio import IoTHubModuleClient
from threshold import Threshold  # type: ignore[import-not-found]


async def main() -> None:
    """Until SIGTERM."""
    threshold = Threshold()
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    client = IoTHubModuleClient.create_from_edge_environment()

    async def received(message: Any) -> None:
        if message.input_name == "input1" and threshold.exceeded(json.loads(message.data)):
            forwarded = Message(message.data, content_encoding="utf-8", content_type="application/json")
            forwarded.custom_properties = {**message.custom_properties, "MessageType": "Alert"}
            await client.send_message_to_output(forwarded, "output1")

    async def patched(patch: dict[str, Any]) -> None:
        threshold.take(patch)
        await client.patch_twin_reported_properties({"TemperatureThreshold": threshold.degrees})

    client.on_message_received = received
    client.on_twin_desired_properties_patch_received = patched
    await client.connect()
    await patched((await client.get_twin())["desired"])
    await stopped.wait()
    await client.shutdown()


if __name__ == "__main__":
    asyncio.run(main())
