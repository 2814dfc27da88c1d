"""Clients that break the rules: refused, counted, and nobody else notices."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from edge_runtime.heads.mqtt.encoder import encode
from edge_runtime.heads.mqtt.packets import Publish
from tests.e2e.conftest import StartDevice
from tests.e2e.device import Device
from tests.e2e.mqtt_client import connect, publish, token
from tests.edge.manifest import deployment

NOT_AUTHORIZED = 5
MODULES = ("alpha", "beta")


@pytest.fixture(scope="module")
def running(shared_device: StartDevice) -> Device:
    left_out = [word for name in MODULES for word in ("--without", name)]
    return shared_device(
        deployment({name: {} for name in MODULES}, {"up": "FROM /messages/* INTO $upstream"}), *left_out
    ).up()


def dropped(running: Device) -> Counter[str]:
    return Counter(running.snapshot()["dropped"])


async def test_an_expired_token(running: Device) -> None:
    before = dropped(running)
    # Beyond the leeway for clocks that differ.
    async with connect(
        running, "alpha", password=token(running, "alpha", valid_s=-3600), code=NOT_AUTHORIZED
    ) as client:
        await client.expect_closed()
    assert dropped(running) - before == {"not_authenticated": 1}
    assert "expired" in running.log("edgeHub")


async def test_another_identity_and_a_token_that_is_not_its_own(running: Device) -> None:
    # A good signature of alpha, on alpha's own name and on beta's: neither opens beta's door.
    for password in (token(running, "alpha"), token(running, "alpha", of="beta")):
        async with connect(running, "beta", password=password, code=NOT_AUTHORIZED) as client:
            await client.expect_closed()
    async with connect(running, "nobody", password=token(running, "alpha"), code=NOT_AUTHORIZED):
        pass
    async with connect(running, "beta"):
        assert running.snapshot()["modules"]["beta"]["connected"]


async def test_a_topic_of_another_module(running: Device) -> None:
    before = dropped(running)
    async with connect(running, "alpha") as client:
        client.send(Publish("devices/edge/modules/beta/messages/events/", b"not mine", qos=1, packet_id=1))
        await client.expect_closed()
    assert dropped(running) - before == {"foreign_topic": 1}


@pytest.mark.parametrize("size", [2_000_000, 10_000_000])
async def test_a_message_far_too_large_is_dropped_before_it_is_held(running: Device, size: int) -> None:
    async with connect(running, "alpha") as client:  # the hub has loaded all that it needs for a message
        await publish(client, "alpha", "out", b"first")
    before, resident = dropped(running), _resident_kb(running)
    packet = encode(Publish("devices/edge/modules/alpha/messages/events/", bytes(size), qos=1, packet_id=1))
    async with connect(running, "beta") as bystander, connect(running, "alpha") as client:
        client.send(packet)
        await client.expect_closed()
        assert _resident_kb(running) - resident < size / 1024
        await publish(bystander, "beta", "out", b"unharmed")
    async with connect(running, "alpha") as client:
        await publish(client, "alpha", "out", b"back again")
    assert dropped(running) - before == {"oversize": 1}


async def test_a_message_above_the_limit_is_acknowledged_and_counted(running: Device) -> None:
    # Without PUBACK the SDK would send it again for ever (spec B.5).
    before, stored = dropped(running), running.snapshot()["stored"]
    async with connect(running, "alpha") as client:
        await publish(client, "alpha", "out", bytes(300_000))
        await publish(client, "alpha", "out", b"next")
    assert dropped(running) - before == {"too_large": 1}
    assert running.snapshot()["stored"] == stored + 1


def _resident_kb(running: Device) -> int:
    status = Path(f"/proc/{running.hub()['pid']}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
