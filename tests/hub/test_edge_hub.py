from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.hub import backoff, configuration, sas
from edge_runtime.hub.configuration import InvalidConfigurationError, apply_configuration, patch_desired
from edge_runtime.hub.database import StoreError
from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import AuthenticationError, Feature, InvalidTwinError
from edge_runtime.hub.router import InvalidRoutesError, Router
from tests.hub.links import RecordingLink
from tests.hub.running import IOTHUB, running_hub
from tests.hub.upstreams import FlakyUpstream
from tests.patience import PATIENCE_S, eventually

CAMERA = ClientId("edge", "camera")
CLASSIFIER = ClientId("edge", "classifier")

Open = Callable[[FlakyUpstream], AbstractAsyncContextManager[EdgeHub]]


def manifest(routes: dict[str, Any], *, time_to_live_s: int = 7200, **twins: Any) -> dict[str, Any]:
    modules: dict[str, Any] = {
        "$edgeAgent": {"properties.desired": {"modules": {"camera": {}, "classifier": {}}}},
        "$edgeHub": {
            "properties.desired": {
                "schemaVersion": "1.2",
                "routes": routes,
                "storeAndForwardConfiguration": {"timeToLiveSecs": time_to_live_s},
            }
        },
    }
    for name, desired in twins.items():
        modules[name] = {"properties.desired": desired}
    return {"modulesContent": modules}


TO_CLASSIFIER = (
    'FROM /messages/modules/camera/outputs/frames INTO BrokeredEndpoint("/modules/classifier/inputs/frames")'
)
UPSTREAM = "FROM /messages/* INTO $upstream"


@pytest.fixture
def open_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    monkeypatch.setattr(backoff, "FIRST_S", 0.02)

    return lambda upstream: running_hub(tmp_path, upstream)


@pytest.fixture
async def upstream() -> FlakyUpstream:
    return FlakyUpstream()


async def publish(hub: EdgeHub, n: int, **app: str) -> None:
    stored = asyncio.Event()
    hub.publish(CAMERA, "frames", {"n": str(n), **app}, {"messageId": f"m{n}"}, b"x", stored.set)
    await asyncio.wait_for(stored.wait(), PATIENCE_S)


async def test_a_message_reaches_every_endpoint_once(open_hub: Open, upstream: FlakyUpstream) -> None:
    async with open_hub(upstream) as hub:
        await apply_configuration(hub, manifest({"a": TO_CLASSIFIER, "b": UPSTREAM, "c": UPSTREAM}))
        link = RecordingLink()
        hub.attach(CLASSIFIER, link, frozenset({Feature.INPUTS}))
        await publish(hub, 1)
        await upstream.wait_for(1)
        assert link.sent == [("frames", 1, False)]
        assert [s.message.app["n"] for s in upstream.taken] == ["1"]
        assert hub.statistics.matched == {"a": 1, "b": 1, "c": 1}


async def test_what_no_route_takes_is_acknowledged_and_counted(
    open_hub: Open, upstream: FlakyUpstream
) -> None:
    async with open_hub(upstream) as hub:
        await apply_configuration(hub, manifest({"a": TO_CLASSIFIER + " "}))
        hub.publish(CAMERA, "elsewhere", {}, {}, b"", lambda: None)
        assert hub.statistics.dropped == {"no_route": 1}


async def test_the_sender_is_stamped_and_cannot_be_forged(open_hub: Open, upstream: FlakyUpstream) -> None:
    async with open_hub(upstream) as hub:
        await apply_configuration(hub, manifest({"b": UPSTREAM}))
        done = asyncio.Event()
        forged = {"connectionModuleId": "somebody", "connectionDeviceId": "else"}
        hub.publish(CAMERA, None, {}, forged, b"", done.set)
        await upstream.wait_for(1)
        system = upstream.taken[0].message.sys
        assert (system["connectionDeviceId"], system["connectionModuleId"]) == ("edge", "camera")


async def test_upstream_failures_are_tried_again_and_nothing_is_lost(open_hub: Open) -> None:
    upstream = FlakyUpstream(failures=3)
    async with open_hub(upstream) as hub:
        await apply_configuration(hub, manifest({"b": UPSTREAM}))
        for n in range(20):
            await publish(hub, n)
        await upstream.wait_for(20)
        assert [s.message.app["n"] for s in upstream.taken] == [str(n) for n in range(20)]
        assert upstream.attempts > 3


async def test_what_the_cloud_refuses_for_good_is_counted_and_the_rest_goes_on(
    open_hub: Open, upstream: FlakyUpstream
) -> None:
    async with open_hub(upstream) as hub:
        await apply_configuration(hub, manifest({"b": UPSTREAM}))
        await publish(hub, 0)
        await upstream.wait_for(1)
        upstream.refuse[upstream.taken[0].sequence + 1] = "too large"
        await publish(hub, 1)
        await publish(hub, 2)
        await upstream.wait_for(3)
        await eventually(lambda: hub.statistics.delivered["iothub"] == 2)
        assert hub.statistics.dropped == {"rejected_upstream": 1}


async def test_messages_twins_sessions_and_routes_survive_a_restart(open_hub: Open) -> None:
    away = FlakyUpstream(failures=10**6)
    async with open_hub(away) as hub:
        await apply_configuration(hub, manifest({"a": TO_CLASSIFIER, "b": UPSTREAM}, camera={"fps": 5}))
        for n in range(5):
            await publish(hub, n)
        await hub.save_session(CLASSIFIER, {"devices/edge/modules/classifier/inputs/#": 1})
        await hub.report(CAMERA, {"state": "running"})
        key = hub.identities.get(CAMERA)
    back = FlakyUpstream()
    async with open_hub(back) as hub:
        await back.wait_for(5)
        link = RecordingLink()
        hub.attach(CLASSIFIER, link, frozenset({Feature.INPUTS}))
        assert link.numbers == list(range(5))
        assert [route.name for route in hub.router.routes] == ["a", "b"]
        assert hub.load_session(CLASSIFIER) == {"devices/edge/modules/classifier/inputs/#": 1}
        assert hub.twin(CAMERA)["desired"]["fps"] == 5
        assert hub.twin(CAMERA)["reported"]["state"] == "running"
        assert hub.identities.get(CAMERA) == key


async def test_a_message_expires_by_its_route_or_the_global_time_to_live(
    open_hub: Open, upstream: FlakyUpstream
) -> None:
    async with open_hub(upstream) as hub:
        route = {"route": TO_CLASSIFIER, "timeToLiveSecs": 3600}
        await apply_configuration(hub, manifest({"a": route}, time_to_live_s=0))
        await publish(hub, 1)  # the route's own time to live wins over the global 0
        await apply_configuration(hub, manifest({"a": TO_CLASSIFIER}, time_to_live_s=0))
        await publish(hub, 2)  # a global 0 expires everything at once
        link = RecordingLink()
        hub.attach(CLASSIFIER, link, frozenset({Feature.INPUTS}))
        assert link.numbers == [1]
        assert hub.statistics.dropped == {"ttl_expiry": 1}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], 'no "modulesContent" object'),
        ({"modulesContent": {"camera": {}}}, 'modulesContent.camera: no "properties.desired" object'),
        ({"modulesContent": {}}, "modulesContent.$edgeAgent is missing"),
        (manifest({"bad": "FROM nowhere INTO $upstream"}), "bad"),
        (manifest({"typed": "FROM /* WHERE 3 = 'x' INTO $upstream"}), "typed"),
    ],
)
async def test_a_bad_configuration_is_refused_whole_and_the_old_one_stays(
    open_hub: Open, upstream: FlakyUpstream, document: Any, message: str
) -> None:
    async with open_hub(upstream) as hub:
        await apply_configuration(hub, manifest({"b": UPSTREAM}, camera={"fps": 5}))
        with pytest.raises(InvalidConfigurationError) as caught:
            await apply_configuration(hub, document)
        assert message in str(caught.value)
        await publish(hub, 1)
        await upstream.wait_for(1)
        assert hub.twin(CAMERA)["desired"] == {"fps": 5, "$version": 2}


async def test_a_patch_survives_the_same_deployment_and_not_a_changed_one(
    open_hub: Open, upstream: FlakyUpstream
) -> None:
    async with open_hub(upstream) as hub:
        link = RecordingLink()
        await apply_configuration(hub, manifest({}, camera={"fps": 5}))
        hub.attach(CAMERA, link, frozenset({Feature.DESIRED}))
        await hub.patch_desired(CAMERA, {"fps": 9})
        await apply_configuration(hub, manifest({}, camera={"fps": 5}))
        assert hub.twin(CAMERA)["desired"]["fps"] == 9
        await apply_configuration(hub, manifest({}, camera={"fps": 6}))
        assert hub.twin(CAMERA)["desired"]["fps"] == 6
        assert link.patches == [{"fps": 9, "$version": 3}, {"fps": 6, "$version": 4}]


async def test_the_newest_connection_of_an_identity_wins(open_hub: Open, upstream: FlakyUpstream) -> None:
    async with open_hub(upstream) as hub:
        await apply_configuration(hub, manifest({"a": TO_CLASSIFIER}))
        old, new = RecordingLink(), RecordingLink()
        hub.attach(CLASSIFIER, old, frozenset({Feature.INPUTS}))
        await publish(hub, 1)
        hub.attach(CLASSIFIER, new, frozenset({Feature.INPUTS}))
        assert len(old.closed) == 1
        assert new.sent == [("frames", 1, True)]
        hub.detach(CLASSIFIER, old)  # the old connection's end changes nothing
        await publish(hub, 2)
        assert new.numbers == [1, 2]


async def token(hub: EdgeHub, client: ClientId, *, expiry: float) -> str:
    identity = hub.identities.get(client)
    assert identity is not None
    audience = f"{IOTHUB}/devices/{client.device}/modules/{client.module}"
    return sas.sign(audience, identity.keys[0], expiry=int(expiry))


@pytest.mark.parametrize(
    ("client", "signer", "age_s", "reason"),
    [
        (CAMERA, CAMERA, -3600, None),
        (CAMERA, CLASSIFIER, -3600, "wrong_audience"),  # another module's token
        (CAMERA, CAMERA, 3600, "expired_token"),
        (ClientId("edge", "nobody"), CAMERA, -3600, "unknown_identity"),
    ],
)
async def test_authentication(
    open_hub: Open,
    upstream: FlakyUpstream,
    client: ClientId,
    signer: ClientId,
    age_s: float,
    reason: str | None,
) -> None:
    async with open_hub(upstream) as hub:
        await apply_configuration(hub, manifest({}))
        shown = await token(hub, signer, expiry=time.time() - age_s)
        if reason is None:
            assert hub.authenticate(client, shown) > time.time()
            return
        with pytest.raises(AuthenticationError) as caught:
            hub.authenticate(client, shown)
        assert caught.value.reason == reason


async def test_a_module_that_left_the_manifest_may_not_connect(
    open_hub: Open, upstream: FlakyUpstream
) -> None:
    async with open_hub(upstream) as hub:
        await apply_configuration(hub, manifest({}))
        shown = await token(hub, CLASSIFIER, expiry=time.time() + 60)
        smaller = manifest({})
        del smaller["modulesContent"]["$edgeAgent"]["properties.desired"]["modules"]["classifier"]
        await apply_configuration(hub, smaller)
        with pytest.raises(AuthenticationError):
            hub.authenticate(CLASSIFIER, shown)


async def test_a_removed_module_is_forgotten_but_for_the_messages_it_waits_for(
    open_hub: Open, upstream: FlakyUpstream
) -> None:
    async with open_hub(upstream) as hub:
        whole = manifest({"a": TO_CLASSIFIER}, classifier={"top": 3})
        await apply_configuration(hub, whole)
        key = hub.identities.get(CLASSIFIER)
        link = RecordingLink()
        hub.attach(CLASSIFIER, link, frozenset())
        await hub.save_session(CLASSIFIER, {"f": 1})
        await hub.patch_desired(CLASSIFIER, {"top": 9})
        await publish(hub, 1)
        smaller = manifest({"a": TO_CLASSIFIER})
        del smaller["modulesContent"]["$edgeAgent"]["properties.desired"]["modules"]["classifier"]
        await apply_configuration(hub, smaller)
        assert link.closed == ["the identity was deleted"]
        hub.detach(CLASSIFIER, link)
        await apply_configuration(hub, whole)
        assert hub.identities.get(CLASSIFIER) != key
        assert hub.load_session(CLASSIFIER) is None
        assert hub.twin(CLASSIFIER)["desired"]["top"] == 3  # not what an earlier life was patched to
        back = RecordingLink()
        hub.attach(CLASSIFIER, back, frozenset({Feature.INPUTS}))
        assert back.numbers == [1]


async def test_a_second_hub_on_the_same_store_is_refused(open_hub: Open, upstream: FlakyUpstream) -> None:
    async with open_hub(upstream):
        with pytest.raises(StoreError, match=r"hub\.db: another hub uses this store"):
            async with open_hub(upstream):
                pass
    async with open_hub(upstream):
        pass  # the claim ends with the first hub


async def test_routes_change_with_the_twin_and_broken_ones_are_refused(
    open_hub: Open, upstream: FlakyUpstream
) -> None:
    async with open_hub(upstream) as hub:
        client = ClientId("edge", "$edgeHub")
        await apply_configuration(hub, manifest({"b": UPSTREAM}))
        await patch_desired(hub, client, {"routes": {"c": UPSTREAM}})
        assert [route.name for route in hub.router.routes] == ["b", "c"]
        with pytest.raises(InvalidConfigurationError, match="d"):
            await patch_desired(hub, client, {"routes": {"d": "FROM nowhere"}})
        twin = hub.twin(client)
        assert set(twin["desired"]["routes"]) == {"b", "c"}
        assert twin["reported"]["lastDesiredStatus"]["code"] == 400
    async with open_hub(upstream) as hub:
        assert [route.name for route in hub.router.routes] == ["b", "c"]


async def test_stored_routes_that_this_version_refuses_do_not_keep_the_hub_from_starting(
    open_hub: Open, upstream: FlakyUpstream
) -> None:
    async with open_hub(upstream) as hub:
        broken = {"schemaVersion": "1.2", "routes": {"b": "FROM nowhere"}}
        await hub.twins.replace_desired(ClientId("edge", "$edgeHub"), broken)
    async with open_hub(upstream) as hub:
        await publish(hub, 1)
        await upstream.wait_for(1)  # kept, for nobody knows where else it should go


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"routes": []}, "routes: an object expected, not list"),
        ({"schemaVersion": None}, "schemaVersion"),
        ({"schemaVersion": 7}, "schemaVersion"),
        ({"storeAndForwardConfiguration": "x"}, "storeAndForwardConfiguration: an object expected"),
        ({"storeAndForwardConfiguration": {"timeToLiveSecs": "x"}}, "timeToLiveSecs: 'x' is no number"),
        ({"storeAndForwardConfiguration": {"timeToLiveSecs": float("nan")}}, "is no number of seconds"),
    ],
)
def test_a_malformed_hub_section_names_the_property(section: dict[str, Any], message: str) -> None:
    desired = {**manifest({})["modulesContent"]["$edgeHub"]["properties.desired"], **section}
    with pytest.raises(InvalidRoutesError, match=message):
        Router(desired, device_id="edge")


async def test_ids_in_another_case_are_another_identity(open_hub: Open, upstream: FlakyUpstream) -> None:
    async with open_hub(upstream) as hub:
        await apply_configuration(hub, manifest({}))
        shown = await token(hub, CAMERA, expiry=time.time() + 60)
        with pytest.raises(AuthenticationError):
            hub.authenticate(ClientId("edge", "CAMERA"), shown)


async def test_routes_that_are_too_large_are_not_compiled(
    open_hub: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_hub(FlakyUpstream()) as hub:
        client = ClientId("edge", "$edgeHub")
        compiled: list[Any] = []
        monkeypatch.setattr(configuration, "Router", lambda *of, **more: compiled.append(of))
        routes = {
            f"r{number}": f"FROM /messages/* WHERE a = '{'x' * 400}' INTO $upstream" for number in range(90)
        }
        with pytest.raises(InvalidTwinError, match="at most 32768 are allowed"):
            await patch_desired(hub, client, {"routes": routes})
        assert not compiled
