"""Devices beside the edge device, as the registry makes them known."""

from __future__ import annotations

import asyncio
import base64
import time
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.hub import sas
from edge_runtime.hub.configuration import apply_configuration
from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import AuthenticationError, Feature, NotReadyError
from edge_runtime.hub.registration import (
    InvalidIdentityError,
    register,
    register_devices,
    unregister,
)
from tests.hub.links import RecordingLink
from tests.hub.running import IOTHUB, running_hub
from tests.hub.test_edge_hub import CLASSIFIER, TO_CLASSIFIER, manifest, publish

LAMP = ClientId("lamp")
KEYS = {
    "primaryKey": base64.b64encode(b"1" * 32).decode(),
    "secondaryKey": base64.b64encode(b"2" * 32).decode(),
}


def token(key: bytes, device: str = "lamp") -> str:
    return sas.sign(f"{IOTHUB}/devices/{device}", key, expiry=int(time.time()) + 60)


def let_in(hub: EdgeHub, client: ClientId, key: bytes = b"1" * 32) -> bool:
    return hub.authenticate(client, token(key, client.device)) > time.time()


def reason(hub: EdgeHub, client: ClientId, key: bytes = b"1" * 32) -> str:
    with pytest.raises(AuthenticationError) as caught:
        let_in(hub, client, key)
    return caught.value.reason


async def test_a_device_is_let_in_with_either_key_also_after_a_restart(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        with pytest.raises(NotReadyError):  # the registry has not told who there is
            let_in(hub, LAMP)
        await register_devices(hub, {"lamp": KEYS})
        assert let_in(hub, LAMP)
        assert let_in(hub, LAMP, b"2" * 32)
        assert reason(hub, LAMP, b"3" * 32) == "wrong_signature"
        assert reason(hub, ClientId("stranger")) == "unknown_identity"
        # A token is for one device alone, and no module of the edge device may use it.
        await register(hub, ClientId("other"), KEYS)
        with pytest.raises(AuthenticationError, match="wrong_audience"):
            hub.authenticate(ClientId("other"), token(b"1" * 32, "lamp"))
    async with running_hub(tmp_path) as hub:
        assert let_in(hub, LAMP)
        with pytest.raises(NotReadyError):
            let_in(hub, ClientId("stranger"))


async def test_one_that_is_barred_is_disconnected_and_refused_until_it_is_not(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        await register(hub, LAMP, KEYS)
        link = RecordingLink()
        hub.attach(LAMP, link, frozenset())
        await hub.report(LAMP, {"on": True})
        await register(hub, LAMP, {**KEYS, "barred": "disabled_identity"})
        assert link.closed == ["it may not connect any more (disabled_identity)"]
        assert reason(hub, LAMP) == "disabled_identity"
    async with running_hub(tmp_path) as hub:
        assert reason(hub, LAMP) == "disabled_identity"
        await register(hub, LAMP, KEYS)
        assert let_in(hub, LAMP)
        assert hub.twin(LAMP)["reported"]["on"] is True


async def test_the_registrys_list_is_whole(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        await apply_configuration(hub, manifest({}))
        await register(hub, ClientId("gone"), KEYS)
        link = RecordingLink()
        hub.attach(ClientId("gone"), link, frozenset())
        other = {"primaryKey": KEYS["secondaryKey"], "secondaryKey": KEYS["secondaryKey"]}
        await register_devices(hub, {"lamp": other, "bad": {"primaryKey": "?"}})
        assert link.closed == ["the identity was deleted"]
        assert reason(hub, ClientId("gone")) == "unknown_identity"
        assert reason(hub, ClientId("bad")) == "unknown_identity"
        assert reason(hub, LAMP, b"1" * 32) == "wrong_signature"
        assert let_in(hub, LAMP, b"2" * 32)
        # Those of the edge device itself are the deployment's.
        assert sorted(hub.identities.modules) == ["$edgeAgent", "$edgeHub", "camera", "classifier"]
        assert hub.identities.get(ClientId("edge")) is not None


async def test_a_deleted_device_leaves_nothing_to_the_next_of_its_name(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        await register(hub, LAMP, {**KEYS, "barred": "disabled_identity"})
        await hub.report(LAMP, {"on": True})
        await hub.save_session(LAMP, {"f": 1})
        await unregister(hub, LAMP)
        await register(hub, LAMP, KEYS)
        assert let_in(hub, LAMP)
        assert hub.load_session(LAMP) is None
        assert "on" not in hub.twin(LAMP)["reported"]


async def test_nobody_slips_in_while_an_identity_is_changed_or_deleted(tmp_path: Path) -> None:
    """A client that was thrown out comes again at once, in the middle of the writes."""
    new = {"primaryKey": base64.b64encode(b"3" * 32).decode(), "secondaryKey": KEYS["secondaryKey"]}
    async with running_hub(tmp_path) as hub:
        await register_devices(hub, {"lamp": {**KEYS, "barred": "disabled_identity"}})
        changes = (
            (register(hub, LAMP, new), b"1" * 32),
            (register(hub, LAMP, {**new, "barred": "disabled_identity"}), b"1" * 32),
            (unregister(hub, LAMP), b"3" * 32),
        )
        for change, key in changes:
            changing = asyncio.create_task(change)
            await asyncio.sleep(0)
            while not changing.done():
                assert reason(hub, LAMP, key) in ("disabled_identity", "unknown_identity", "wrong_signature")
                await asyncio.sleep(0)
            await changing
        assert reason(hub, LAMP, b"3" * 32) == "unknown_identity"


@pytest.mark.parametrize(
    ("name", "document", "message"),
    [
        ("lamp", {}, "primaryKey"),
        ("lamp", {**KEYS, "secondaryKey": "c2hvcnQ="}, "secondaryKey"),
        ("a b", KEYS, "not an id"),
        ("lamp", {**KEYS, "barred": "two words"}, "barred"),
        ("LAMP2", KEYS, "differ in case alone"),
    ],
)
async def test_refusals_name_what_is_wrong(
    tmp_path: Path, name: str, document: dict[str, Any], message: str
) -> None:
    async with running_hub(tmp_path) as hub:
        await register(hub, ClientId("lamp2"), KEYS)
        with pytest.raises(InvalidIdentityError, match=message) as caught:
            await register(hub, ClientId(name), document)
        assert "c2hvcnQ=" not in str(caught.value)
        assert [client.device for client in hub.identities.devices] == ["lamp2"]
        with pytest.raises(InvalidIdentityError, match="devices"):
            await register_devices(hub, [name])


async def test_a_device_that_comes_and_goes_leaves_the_modules_deliveries_alone(tmp_path: Path) -> None:
    """The edge device itself included, whose name begins the names of all endpoints."""
    async with running_hub(tmp_path) as hub:
        await apply_configuration(hub, manifest({"a": TO_CLASSIFIER}))
        module = RecordingLink()
        hub.attach(CLASSIFIER, module, frozenset({Feature.INPUTS}))
        await publish(hub, 1)
        for client in (LAMP, ClientId("edge")):
            link = RecordingLink()
            hub.attach(client, link, frozenset({Feature.DEVICEBOUND}))
            hub.detach(client, link)
        await publish(hub, 2)
        assert module.sent == [("frames", 1, False), ("frames", 2, False)]
