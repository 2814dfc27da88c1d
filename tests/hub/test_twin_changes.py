"""Changes of reported properties as messages (spec C.2, B.4)."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.heads.mqtt.property_bag import decode_bag, encode_bag
from edge_runtime.hub import twin_changes
from edge_runtime.hub.configuration import apply_configuration
from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.message import ClientId, Message
from edge_runtime.hub.ports import Feature, InvalidTwinError, NotReadyError
from edge_runtime.hub.router import DEFAULT_CONFIGURATION, Router
from tests.hub.links import RecordingLink
from tests.hub.running import running_hub
from tests.hub.test_edge_hub import CAMERA, CLASSIFIER, UPSTREAM, manifest
from tests.hub.upstreams import FlakyUpstream

LAMP = ClientId("lamp")
TEMPLATE = Path(__file__).parents[2] / "deployment.template.json"
CHANGES = "FROM /twinChangeNotifications/* INTO $upstream"
HUB = ClientId("edge", "$edgeHub")


async def reported(hub: EdgeHub, routes: dict[str, Any], client: ClientId = CAMERA) -> None:
    await apply_configuration(hub, manifest(routes))
    await hub.report(client, {"fps": 5, "gone": None})


@pytest.mark.parametrize("client", [CAMERA, LAMP])
async def test_the_message_bears_the_patch_and_the_reporter(tmp_path: Path, client: ClientId) -> None:
    upstream = FlakyUpstream()
    async with running_hub(tmp_path, upstream) as hub:
        await reported(hub, {"changes": CHANGES, "telemetry": UPSTREAM}, client)
        await upstream.wait_for(1)
        (stored,) = upstream.taken
        assert hub.statistics.matched == {"changes": 1}
    message = stored.message
    assert (message.sender, message.output, message.app) == (HUB, None, {})
    assert json.loads(message.body) == {"fps": 5, "gone": None}
    system = dict(message.sys)
    assert system.pop("enqueuedTime")
    assert system == {
        "connectionDeviceId": "edge",
        "connectionModuleId": "$edgeHub",
        "rpSenderDeviceId": client.device,
        **({"rpSenderModuleId": client.module} if client.module else {}),
        "messageType": "twinChangeNotification",
        "messageSchema": "twinChangeNotification",
    }
    # A module sees the reporter in place of who sent it.
    app = decode_bag(encode_bag(message)).app
    assert app == {}  # $.cdid and $.cmid are names that no client may use
    assert f"%24.cdid={client.device}" in encode_bag(message)
    assert ("%24.cmid=camera" in encode_bag(message)) is (client is CAMERA)


@pytest.mark.parametrize(
    ("route", "taken"),
    [
        ("FROM /* INTO $upstream", 1),
        ("FROM /twinChangeNotifications INTO $upstream", 1),
        (f"{CHANGES[:-15]} WHERE $rpSenderModuleId = 'camera' INTO $upstream", 1),
        (f"{CHANGES[:-15]} WHERE $messageType = 'twinChangeNotification' INTO $upstream", 1),
        (f"{CHANGES[:-15]} WHERE $rpSenderDeviceId = 'other' INTO $upstream", 0),
        (UPSTREAM, None),
        ("FROM /messages/modules/camera/* INTO $upstream", None),
    ],
)
async def test_which_routes_take_it(tmp_path: Path, route: str, taken: int | None) -> None:
    upstream = FlakyUpstream()
    async with running_hub(tmp_path, upstream) as hub:
        await reported(hub, {"a": route})
        assert hub.statistics.stored == (taken or 0)
        # Where no route can match there is no message that could be dropped.
        assert hub.statistics.dropped == ({"no_route": 1} if taken == 0 else {})


async def test_a_module_may_listen_to_the_changes_of_another(tmp_path: Path) -> None:
    received: list[Message] = []

    class Link(RecordingLink):
        def deliver(self, input_name: str, message: Message, **_: Any) -> None:
            received.append(message)

    async with running_hub(tmp_path) as hub:
        into = 'BrokeredEndpoint("/modules/classifier/inputs/changes")'
        await apply_configuration(hub, manifest({"a": f"FROM /twinChangeNotifications/* INTO {into}"}))
        hub.attach(CLASSIFIER, Link(), frozenset({Feature.INPUTS}))
        await hub.report(CAMERA, {"fps": 5})
        assert [json.loads(message.body) for message in received] == [{"fps": 5}]


async def test_the_hubs_own_reports_and_the_agents_are_no_news(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        await apply_configuration(hub, manifest({"all": "FROM /* INTO $upstream"}))
        await hub.report(HUB, {"a": 1})
        await hub.report(ClientId("edge", "$edgeAgent"), {"a": 1})
        assert hub.statistics.stored == 0


async def test_a_refused_report_is_no_news(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        await apply_configuration(hub, manifest({"a": CHANGES}))
        with pytest.raises(InvalidTwinError):
            await hub.report(CAMERA, {"a.b": 1})
        assert hub.statistics.stored == 0


async def test_a_report_that_was_answered_is_on_disk_with_the_news_of_it(tmp_path: Path) -> None:
    upstream = FlakyUpstream(failures=10**6)
    async with running_hub(tmp_path, upstream) as hub:
        await reported(hub, {"a": CHANGES})
        database = sqlite3.connect(f"file:{tmp_path / 'hub.db'}?mode=ro", uri=True)
        bodies = [json.loads(body) for (body,) in database.execute("SELECT body FROM messages")]
        (twin,) = database.execute("SELECT reported FROM twins WHERE client = 'edge/camera'").fetchone()
        database.close()
    assert bodies == [{"fps": 5, "gone": None}]
    assert json.loads(twin)["fps"] == 5


async def test_a_store_without_room_holds_reports_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twin_changes, "MOST_WAITING", 1)
    async with running_hub(tmp_path, FlakyUpstream(failures=10**6)) as hub:
        await apply_configuration(hub, manifest({"a": CHANGES}))
        limit, hub.admission.limit_bytes = hub.admission.limit_bytes, 4096
        waiting = asyncio.create_task(hub.report(CAMERA, {"fps": 5}))
        async with asyncio.timeout(60):
            while not hub.admission.waiting:
                await asyncio.sleep(0.01)
        with pytest.raises(NotReadyError):  # its client comes back, and what waits is bounded
            await hub.report(CLASSIFIER, {"top": 1})
        assert not waiting.done()
        hub.admission.limit_bytes = limit
        assert await waiting == 2
        assert hub.statistics.stored == 1


def test_who_floods_the_cloud_and_who_does_not() -> None:
    """The routes of our own solution take no such message; edgeHub's default before its twin has come takes all."""
    desired = json.loads(TEMPLATE.read_text())["modulesContent"]["$edgeHub"]["properties.desired"]
    assert not Router(desired, device_id="edge").takes_twin_changes
    assert Router(DEFAULT_CONFIGURATION, device_id="edge").takes_twin_changes
