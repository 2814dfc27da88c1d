"""A module that answers methods and reports the desired properties that it was told."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from azure.iot.device import MethodResponse
from azure.iot.device.aio import IoTHubModuleClient


async def main() -> None:
    client = IoTHubModuleClient.create_from_edge_environment()

    async def called(request: Any) -> None:
        status = 200 if request.name == "echo" else 418
        if request.name != "silence":
            answer = MethodResponse.create_from_method_request(request, status, request.payload)
            await client.send_method_response(answer)

    async def desired(patch: dict[str, Any]) -> None:
        # As text, since a null in it would delete.
        await client.patch_twin_reported_properties({"told": json.dumps(patch)})

    client.on_method_request_received = called
    client.on_twin_desired_properties_patch_received = desired
    await client.connect()
    await client.patch_twin_reported_properties({"ready": True})
    await asyncio.Event().wait()


asyncio.run(main())
