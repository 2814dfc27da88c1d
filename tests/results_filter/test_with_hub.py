"""`python -m results_filter` with the real SDK against the real hub, fed at 10 predictions a second."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import jsonschema
import pytest

from module_kit.message_schemas import message_schemas
from tests.edge.edge import Arrived, Edge
from tests.edge.manifest import route
from tests.edge.program import Program
from tests.patience import eventually
from tests.servers.mosquitto import Broker, needs_mosquitto, received

FEEDER = """
import asyncio, time
from module_kit.identifiers import new_traceparent
from module_kit.message import Outgoing
from module_kit.module import run_module
from module_kit.settings import ModuleSettings
from tests.results_filter.streams import START, prediction

class Settings(ModuleSettings):
    labels: list[str] = []
    boot: str = "b1"

async def main(module):
    await module.start()
    await module.send("predictions", Outgoing(b"{}", "bad", "application/json", "utf-8"))
    began = time.time() - START
    for number, label in enumerate(module.settings.labels):
        result = prediction(number, label, seconds=began + number / 10, boot=module.settings.boot, truth="cat")
        for _ in range(2):  # everything is delivered twice
            await module.send("predictions", result.encode(new_traceparent()))
        await asyncio.sleep(0.1)
    module.report({"state": "fed"})
    await module.stopping.wait()

run_module("classifier", Settings, main)
"""


@pytest.fixture
async def edge(loopback: str) -> AsyncIterator[Edge]:
    routes = {
        "predictions": route("classifier", "predictions", "results_filter", where='$body.schema != "x"'),
        "up": "FROM /messages/modules/results_filter/outputs/* INTO $upstream",
    }
    modules = {"results_filter": {}, "classifier": {"labels": ["cat"] * 15}}
    async with Edge(loopback, modules, routes) as edge:
        yield edge


def _of(edge: Edge, schema: str) -> list[Arrived]:
    return [message for message in edge.arrived if message["body"]["schema"] == schema]


def _start_feeder(edge: Edge) -> Program:
    return edge.start("classifier", "-c", FEEDER)


async def _started(edge: Edge) -> Program:
    program = edge.start("results_filter", "-m", "results_filter")
    await edge.reported("results_filter", lambda reported: reported.get("state") == "running")
    return program


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


async def test_events_summary_budget_and_restart(edge: Edge) -> None:
    process = await _started(edge)
    feeder = _start_feeder(edge)
    event = (await eventually(lambda: _of(edge, "event/1")))[0]
    jsonschema.validate(event["body"], message_schemas()["event-1.json"])
    assert (event["body"]["type"], event["body"]["label"]) == ("start", "cat")
    assert _time(event["body"]["at"]) - _time(event["body"]["startedAt"]) < 1
    assert event["properties"] == {
        "schema": "event/1", "type": "start", "label": "cat", "traceparent": event["properties"]["traceparent"],
    }  # fmt: skip
    assert {"application/json", "utf-8", "cam.b1.2.e.cat.start"} <= set(event["systemProperties"].values())
    assert process.memory_mb("VmRSS") < 80
    await edge.reported("classifier", lambda reported: reported.get("state") == "fed")
    await edge.emptied()

    await feeder.stop()
    await process.stop()
    end = (await eventually(lambda: _of(edge, "event/1")[1:]))[0]
    assert (end["body"]["type"], end["body"]["endReason"], end["body"]["frames"]) == ("end", "stopped", 15)
    summary = (await eventually(lambda: _of(edge, "summary/1")))[0]["body"]
    jsonschema.validate(summary, message_schemas()["summary-1.json"])
    assert (summary["predictions"], summary["duplicates"]) == (15, 15)
    assert summary["dropped"] == {"invalid_message": 1}
    assert summary["sources"] == [
        {"source": "cam", "received": 15, "missing": 0, "outOfOrder": 0, "boots": 1}
    ]
    assert summary["accuracy"]["top1"] == 1
    reported = await edge.twin("results_filter")
    assert reported["state"] == "stopped"
    used = reported["upstreamBudget"]["used"]
    assert used >= 6  # two events and a summary, none of one block alone

    await _started(edge)
    again = (await edge.twin("results_filter"))["upstreamBudget"]
    assert again["used"] == used + 50  # written ahead
    assert again["day"] == reported["upstreamBudget"]["day"]


async def test_new_settings_apply_live_and_a_bad_patch_changes_nothing(edge: Edge) -> None:
    await _started(edge)
    await edge.desire("classifier", {"labels": ["cat"] * 900})
    feeder = _start_feeder(edge)
    await eventually(lambda: _of(edge, "event/1"))
    await edge.desire("results_filter", {"smoothingNeeded": 9, "exclude": ["cat"]})
    reported = await edge.reported(
        "results_filter", lambda reported: reported["smoothingNeeded"]["ac"] == 400
    )
    assert "smoothingNeeded (9) is more than smoothingWindow (5)" in reported["smoothingNeeded"]["ad"]
    assert reported["exclude"]["ac"] == 400
    await asyncio.sleep(1)
    assert len(_of(edge, "event/1")) == 1  # refused whole
    await edge.desire("results_filter", {"exclude": ["cat"]})
    ended = (await eventually(lambda: _of(edge, "event/1")[1:]))[0]
    assert ended["body"]["endReason"] == "settings"
    assert feeder.running


@needs_mosquitto
async def test_the_local_sink_gets_the_event_that_the_budget_keeps_from_upstream(
    edge: Edge, tmp_path: Path, loopback: str
) -> None:
    broker = Broker(loopback, tmp_path, "plant/events")
    with broker.serve(*broker.only("me", "secret")):
        async with broker.subscriber("me", "secret") as subscriber:
            process = await _started(edge)
            url = broker.url(user="me:secret@")
            await edge.desire("results_filter", {"localSink": url, "upstreamMessagesPerDay": 0})
            await edge.reported("results_filter", lambda reported: reported["localSink"]["ad"] == "twin")
            _start_feeder(edge)
            (payload,) = await received(subscriber, 1)
            assert "secret" not in await process.stop()
    assert json.loads(payload)["type"] == "start"
    assert edge.arrived == []
    reported = await edge.twin("results_filter")
    assert reported["localSink"]["value"] == broker.url(user="***@")
