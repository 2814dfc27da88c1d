"""What the hub adds to a message for conditions, and the model that its sender named (spec B.3, C.6)."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from pathlib import Path

import pytest

from edge_runtime.heads.mqtt.property_bag import encode_bag
from edge_runtime.hub.configuration import apply_configuration
from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.stamps import asked_for
from tests.hub.links import RecordingLink
from tests.hub.running import running_hub
from tests.hub.test_edge_hub import CAMERA, manifest
from tests.hub.upstreams import FlakyUpstream
from tests.patience import PATIENCE_S

LAMP = ClientId("lamp")
MODEL = "dtmi:com:example:Lamp;1"


async def send(hub: EdgeHub, client: ClientId) -> None:
    stored = asyncio.Event()
    hub.publish(client, None, {}, {}, b"x", stored.set)
    await asyncio.wait_for(stored.wait(), PATIENCE_S)


async def arrives(
    folder: Path, client: ClientId, condition: str, model: str | None = None
) -> Mapping[str, str | None]:
    """The system properties of a message that the condition let pass; none when it did not."""
    upstream = FlakyUpstream()
    async with running_hub(folder, upstream) as hub:
        await apply_configuration(hub, manifest({"up": f"FROM /messages/* WHERE {condition} INTO $upstream"}))
        link = RecordingLink()
        link.model_id = model
        hub.attach(client, link, frozenset())
        await send(hub, client)
        if hub.statistics.dropped:
            return {}
        await upstream.wait_for(1)
        bag = encode_bag(upstream.taken[0].message)
        assert "edge" not in bag.replace("cdid=edge", "")  # nobody behind the hub sees a stamp
    return upstream.taken[0].message.sys


@pytest.mark.parametrize(
    ("client", "condition", "passes"),
    [
        (CAMERA, "$edgeHubOriginInterface = 'internal'", True),
        (LAMP, "$edgeHubOriginInterface = 'internal'", False),
        (LAMP, "$EDGEHUBORIGININTERFACE = 'downstream'", True),
        (ClientId("edge"), "{$edgeHubOriginInterface} = 'downstream'", True),
        (CAMERA, "is_defined($edgeMessageId) AND length($edgeMessageId) = 36", True),
    ],
)
async def test_conditions_see_the_stamps(
    tmp_path: Path, client: ClientId, condition: str, passes: bool
) -> None:
    assert bool(await arrives(tmp_path, client, condition)) is passes


async def test_each_message_has_an_id_of_its_own(tmp_path: Path) -> None:
    upstream = FlakyUpstream()
    async with running_hub(tmp_path, upstream) as hub:
        await apply_configuration(
            hub, manifest({"up": "FROM /* WHERE is_defined($edgeMessageId) INTO $upstream"})
        )
        for _ in range(3):
            await send(hub, CAMERA)
        await upstream.wait_for(3)
    ids = [uuid.UUID(stored.message.sys["edgeMessageId"]) for stored in upstream.taken]
    assert len(set(ids)) == 3


async def test_without_a_route_that_asks_there_is_none(tmp_path: Path) -> None:
    system = await arrives(tmp_path, CAMERA, "true")
    assert system == {"connectionDeviceId": "edge", "connectionModuleId": "camera"}
    assert not asked_for(["FROM /messages/* WHERE $messageId = 'x' INTO $upstream"])


async def test_the_model_that_a_client_named_goes_along(tmp_path: Path) -> None:
    system = await arrives(tmp_path, LAMP, f"$modelId = '{MODEL}'", MODEL)
    assert system == {"connectionDeviceId": "lamp", "modelId": MODEL}
    async with running_hub(tmp_path) as hub:
        link = RecordingLink()
        link.model_id = MODEL
        hub.attach(LAMP, link, frozenset())
        plain = RecordingLink()
        hub.attach(LAMP, plain, frozenset())  # its next connection names none
        assert hub.connections.models == {}
        hub.attach(CAMERA, link, frozenset())
        hub.detach(CAMERA, link)
        assert hub.connections.models == {}
