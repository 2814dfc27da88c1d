"""A bare MQTT client with a token that the device's workload API has signed: what no SDK would do, it does."""

from __future__ import annotations

import base64
import contextlib
import json
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote, quote_plus

from edge_runtime.supervisor.control_client import _UnixConnection
from tests.e2e.device import Device
from tests.heads.raw_client import RawClient

HUB = "local.azure-devices.net"


def token(device: Device, module: str, *, of: str | None = None, valid_s: float = 600) -> str:
    """A SAS token for identity `of` (the module's own when None), signed with the key of `module` (spec A.5)."""
    environment = device.environment_of(module)
    audience = f"{HUB}/devices/{environment['IOTEDGE_DEVICEID']}/modules/{of or module}"
    expiry = int(time.time() + valid_s)
    generation = environment["IOTEDGE_MODULEGENERATIONID"]
    connection = _UnixConnection(Path(environment["IOTEDGE_WORKLOADURI"].removeprefix("unix://")), 10)
    to_sign = base64.b64encode(f"{quote(audience, safe='')}\n{expiry}".encode()).decode()
    connection.request(
        "POST",
        f"/modules/{module}/genid/{generation}/sign?api-version=2020-07-07",
        json.dumps({"keyId": "primary", "algo": "HMACSHA256", "data": to_sign}),
        {"Content-Type": "application/json"},
    )
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    assert response.status == 200, answer
    return (
        f"SharedAccessSignature sr={quote(audience, safe='')}&sig={quote_plus(answer['digest'])}&se={expiry}"
    )


@contextlib.asynccontextmanager
async def connect(
    device: Device, module: str, *, password: str | None = None, code: int = 0
) -> AsyncIterator[RawClient]:
    """Connected as `module`, or refused with `code`."""
    context = ssl.create_default_context(cafile=str(device.state / "certificates" / "ca.pem"))
    context.check_hostname = False
    assert device.address is not None
    identity = f"edge/{module}"
    async with RawClient.open(device.address, context) as client:
        await client.log_in(
            identity,
            code=code,
            username=f"{HUB}/{identity}/?api-version=2018-06-30",
            password=(password or token(device, module)).encode(),
        )
        yield client


async def publish(client: RawClient, module: str, output: str, body: bytes) -> None:
    """One message, until its PUBACK."""
    await client.publish(f"devices/edge/modules/{module}/messages/events/%24.on={output}", body)
