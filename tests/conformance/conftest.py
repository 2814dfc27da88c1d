from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge_runtime.hub.certificates import Certificates, ensure_certificates
from tests.conformance.device import Clients, Device
from tests.iothub.service.conftest import call, deployed, hub

# Fixtures of the service API's own tests.
__all__ = ["call", "certificates", "clients", "deployed", "device", "hub"]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return ensure_certificates(tmp_path_factory.mktemp("certificates"), gateway="gateway.local")


@pytest.fixture
async def device(tmp_path: Path, loopback: str, certificates: Certificates) -> AsyncIterator[Device]:
    device = Device(tmp_path, loopback, certificates)
    await device.start()
    yield device
    await device.stop()


@pytest.fixture
async def clients(device: Device, loopback: str, certificates: Certificates) -> AsyncIterator[Clients]:
    clients = Clients(device, loopback, certificates)
    async with clients.stack:
        yield clients
