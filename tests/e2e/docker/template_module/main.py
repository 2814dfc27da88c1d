"""A module as iotedgedev's Python template writes one: `input1` is piped to `output1`; plus methods that a test calls.

It knows nothing of this project: the SDK, and what edgeAgent gives every module.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from azure.iot.device import Message, MethodResponse
from azure.iot.device.aio import IoTHubModuleClient

Handler = Callable[[IoTHubModuleClient, Any], Awaitable[Any]]


async def send(client: IoTHubModuleClient, payload: dict[str, Any]) -> Any:
    """Send a text from an output of this module."""
    message = Message(payload["text"])
    message.content_type, message.content_encoding = "application/json", "utf-8"
    await client.send_message_to_output(message, payload["output"])


async def look(client: IoTHubModuleClient, payload: Any) -> Any:
    """What a process finds in here."""
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        "uid": os.getuid(),
        "capabilities": status["CapEff"],
        "variables": dict(os.environ),
        "folder": str(Path.cwd()),
        "files": {path: writable(path) for path in ("/", "/tmp", "/run/iotedge")},
        "memory": limit("memory/memory.limit_in_bytes", "memory.max"),
        "processes": limit("pids/pids.max", "pids.max"),
    }


async def read(client: IoTHubModuleClient, payload: str) -> Any:
    return Path(payload).read_text()


async def write(client: IoTHubModuleClient, payload: dict[str, str]) -> Any:
    return Path(payload["path"]).write_text(payload["text"])


async def end(client: IoTHubModuleClient, payload: int) -> Any:
    """Exit with this code once the answer is out."""
    asyncio.get_running_loop().call_later(0.5, os._exit, payload)


async def resolve(client: IoTHubModuleClient, payload: str) -> Any:
    return socket.gethostbyname(payload)


async def workload(client: IoTHubModuleClient, payload: Any) -> Any:
    """The status line of the workload API's answer, asked anew."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(os.environ["IOTEDGE_WORKLOADURI"].removeprefix("unix://"))
        connection.sendall(b"GET /trust-bundle?api-version=2022-08-03 HTTP/1.0\r\n\r\n")
        return connection.makefile("rb").readline().decode().strip()


def writable(path: str) -> bool:
    try:
        Path(path, "probe").write_text("")
    except OSError:
        return False
    return True


def limit(*files: str) -> str | None:
    """A limit of this container, from whichever version of control groups the machine has."""
    for file in files:
        path = Path("/sys/fs/cgroup", file)
        if path.exists():
            return path.read_text().strip()
    return None


METHODS: dict[str, Handler] = {f.__name__: f for f in (send, look, read, write, end, resolve, workload)}


async def main() -> None:
    client = IoTHubModuleClient.create_from_edge_environment()

    async def receive_message_handler(message: Message) -> None:
        print(f"the message on {message.input_name} is {message.data!r}")  # noqa: T201
        if message.input_name == "input1":
            print("forwarding message to output1", file=sys.stderr)  # noqa: T201
            await client.send_message_to_output(message, "output1")

    async def receive_twin_patch_handler(patch: dict[str, Any]) -> None:
        print(f"the data in the desired properties patch was: {patch}")  # noqa: T201
        await client.patch_twin_reported_properties({"seen": patch.get("wanted")})

    async def receive_method_handler(request: Any) -> None:
        try:
            answer = 200, await METHODS[request.name](client, request.payload)
        except Exception as error:  # noqa: BLE001 - the caller is to see it
            answer = 500, repr(error)
        await client.send_method_response(MethodResponse(request.request_id, *answer))

    client.on_message_received = receive_message_handler
    client.on_twin_desired_properties_patch_received = receive_twin_patch_handler
    client.on_method_request_received = receive_method_handler
    await client.connect()
    twin = await client.get_twin()
    print(json.dumps({"twin": twin["desired"]}))  # noqa: T201

    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
    await client.shutdown()


if __name__ == "__main__":
    asyncio.run(main())
