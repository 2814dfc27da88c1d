"""Twins, methods, the upstream switch and explanations, through the page to a real hub."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.ports import Feature
from edge_runtime.page import controls, feed
from edge_runtime.page.masking import masked
from tests.hub.links import RecordingLink
from tests.page.conftest import CAMERA, Page, send
from tests.patience import eventually


async def test_a_twin_is_told_without_its_secrets(page: Page, hub: EdgeHub) -> None:
    await hub.report(CAMERA, {"apiKey": {"value": "k-4711", "ac": 200, "av": 1, "ad": ""}, "fps": 5})
    status, twin = await page.ask("GET", "/modules/camera/twin")
    assert status == 200
    assert twin["desired"] == {
        "fps": 5, "source": "rtsp://***@camera/1", "apiKey": "***", "$version": twin["version"]
    }  # fmt: skip
    assert twin["reported"]["apiKey"] == {"value": "***", "ac": 200, "av": 1, "ad": ""}
    assert twin["reported"]["fps"] == 5


@pytest.mark.parametrize("name", ["edgeAgent", "$edgeAgent", "%24edgeAgent", "$EDGEAGENT", "EdgeAgent"])
async def test_what_edge_agent_is_to_do_is_never_told(page: Page, name: str) -> None:
    status, twin = await page.ask("GET", f"/modules/{name}/twin")
    assert (status, twin["desired"]) == (200, None)
    assert isinstance(twin["reported"], dict)


async def test_desired_properties_are_changed(page: Page, hub: EdgeHub) -> None:
    status, answer = await page.ask("PATCH", "/modules/camera/twin/desired", json={"fps": 9, "source": None})
    assert (status, answer) == (200, {"version": hub.twins.read(CAMERA)["desired"]["$version"]})
    desired = hub.twins.read(CAMERA)["desired"]
    assert (desired["fps"], desired["apiKey"], "source" in desired) == (9, "k-4711", False)


async def test_the_hub_s_routes_are_changed_by_its_other_name(page: Page, hub: EdgeHub) -> None:
    patch = {"routes": {"all": "FROM /messages/* INTO $upstream"}}
    assert (await page.ask("PATCH", "/modules/edgeHub/twin/desired", json=patch))[0] == 200
    assert {route.name for route in hub.router.routes} == {"frames", "events", "all"}


@pytest.mark.parametrize(
    ("patch", "place"),
    [
        ({"apiKey": "***"}, "apiKey"),
        ({"source": "rtsp://***@camera/1", "fps": 9}, "source"),
        ({"a": {"b": [{"c": "***"}]}}, "a.b[0].c"),
        ({"***": 1}, "***"),
    ],
)
async def test_what_was_masked_is_never_written_back(
    page: Page, hub: EdgeHub, patch: dict[str, Any], place: str
) -> None:
    before = hub.twins.read(CAMERA)
    status, answer = await page.ask("PATCH", "/modules/camera/twin/desired", json=patch)
    assert (status, answer["message"]) == (
        400, f"{place}: *** stands for a secret; leave it out, or write the secret itself"
    )  # fmt: skip
    assert hub.twins.read(CAMERA) == before


@pytest.mark.parametrize(
    ("verb", "path", "body", "status", "message"),
    [
        ("GET", "/modules/nobody/twin", None, 404, "no module 'nobody'"),
        ("GET", "/modules/..%2f..%2fhealth/twin", None, 404, "no module '../../health'"),
        ("PATCH", "/modules/camera/twin/desired", {"a.b": 1}, 400, "'a.b': no blank"),
        ("PATCH", "/modules/camera/twin/desired", [], 400, "a patch is a JSON object"),
        ("PATCH", "/modules/edgeHub/twin/desired", {"routes": {"x": "FROM"}}, 400, "Error while parsing"),
        ("PATCH", "/modules/edgeAgent/twin/desired", {}, 403, "the page deploys nothing"),
        ("PATCH", "/modules/$edgeAgent/twin/desired", {}, 403, "the page deploys nothing"),
        ("PATCH", "/modules/$EDGEAGENT/twin/desired", {}, 403, "the page deploys nothing"),
        ("POST", "/modules/edgeAgent/methods", {"methodName": "ping"}, 403, "restart and logs"),
        ("POST", "/modules/%24EDGEagent/methods", {"methodName": "ping"}, 403, "restart and logs"),
        ("POST", "/modules/camera/methods", {"methodName": "pause"}, 404, "edge/camera: not connected"),
        ("POST", "/modules/camera/methods", {}, 400, "methodName: a text of 1 to 100"),
        ("POST", "/modules/camera/restart", {}, 404, "not connected"),  # no agent here
        ("GET", "/modules/camera/logs?tail=x", None, 400, "tail: a whole number from 0 to 10000"),
        ("GET", "/modules/camera/logs?loglevel=9", None, 400, "loglevel: a whole number from 0 to 7"),
        ("PUT", "/upstream", {"connected": "no"}, 400, '{"connected": true}'),
        ("PUT", "/upstream", [], 400, '{"connected": true}'),
        ("DELETE", "/upstream", None, 404, "the page's API has no DELETE /api/v1/upstream"),
        ("POST", "/explain", [], 400, ""),
    ],
)
async def test_refusals_name_what_is_wrong(
    page: Page, verb: str, path: str, body: Any, status: int, message: str
) -> None:
    more = {} if body is None else {"json": body}
    got, answer = await page.ask(verb, path, **more)
    assert (got, message in answer["message"]) == (status, True), answer


async def test_a_method_is_called_and_its_answer_told_without_secrets(page: Page, hub: EdgeHub) -> None:
    link = RecordingLink()
    hub.attach(CAMERA, link, frozenset({Feature.METHODS}))
    call = {"methodName": "where", "payload": {"a": 1}, "responseTimeoutInSeconds": 30}
    asking = asyncio.create_task(page.ask("POST", "/modules/camera/methods", json=call))
    await eventually(lambda: link.calls)
    request_id, name, payload = link.calls[0]
    assert (name, payload) == ("where", b'{"a": 1}')
    hub.method_answered(CAMERA, request_id, 207, b'{"url": "rtsp://u:p@h/1", "token": "t", "n": 3}')
    assert await asking == (
        200, {"status": 207, "payload": {"url": "rtsp://***@h/1", "token": "***", "n": 3}}
    )  # fmt: skip


async def test_what_a_module_may_make_long_is_masked_beside_the_loop(
    page: Page, hub: EdgeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []

    def recording(value: Any) -> Any:
        threads.append(threading.current_thread())
        return masked(value)

    monkeypatch.setattr(controls, "masked", recording)
    monkeypatch.setattr(feed, "masked", recording)
    assert (await page.ask("GET", "/modules/camera/twin"))[0] == 200
    async with page.stream() as events:
        await eventually(lambda: hub.feed.readers)
        await hub.report(CAMERA, {"long": ["x" * 4000, "y" * 1000], "token": "t"})
        told = await events.until("reported")
    assert told["patch"]["token"] == "***"
    assert len(threads) == 2
    assert threading.current_thread() not in threads


async def test_logs_are_read_one_at_a_time(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow regex holds one thread of the runtime's, however many ask."""
    under_way, most = 0, 0

    async def invoke(module: str, call: Any) -> dict[str, Any]:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.02)
        under_way -= 1
        return {"status": 200, "payload": []}

    monkeypatch.setattr(page.server._client, "invoke", invoke)
    answers = await asyncio.gather(*(page.ask("GET", "/modules/camera/logs") for _ in range(4)))
    assert [status for status, _ in answers] == [404] * 4
    assert most == 1


async def test_an_answer_that_is_too_deep_is_refused(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def deep(_: Any) -> Any:
        raise RecursionError

    monkeypatch.setattr(controls, "masked", deep)
    status, answer = await page.ask("GET", "/modules/camera/twin")
    assert (status, answer["message"]) == (502, "what the module answers is nested too deeply")


async def test_the_upstream_is_switched_off_fills_and_drains(page: Page, hub: EdgeHub) -> None:
    async with page.stream() as events:
        assert await page.ask("PUT", "/upstream", json={"connected": False}) == (200, {"connected": False})
        send(hub, "events", b"{}")
        off = await events.until("snapshot", lambda one: one["upstream"]["queued"])
        assert (off["upstream"]["switchedOff"], off["upstream"]["connected"]) == (True, False)
        assert off["upstream"]["delivered"] == 0
        assert await page.ask("PUT", "/upstream", json={"connected": True}) == (200, {"connected": True})
        on = await events.until("snapshot", lambda one: one["upstream"]["delivered"])
        assert (on["upstream"]["switchedOff"], on["upstream"]["queued"]) == (False, 0)


async def test_a_message_is_explained(page: Page) -> None:
    message = {"module": "camera", "output": "events", "sys": {}, "app": {}, "body": "{}"}
    status, answer = await page.ask("POST", "/explain", json=message)
    assert status == 200
    verdicts = {route["name"]: (route["matched"], route["sourceMatched"]) for route in answer["routes"]}
    assert verdicts == {"frames": (False, False), "events": (True, True)}
