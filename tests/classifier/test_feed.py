"""Inbox to outputs: order, credits, bad frames among good ones, a model switch under load, a clean end."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from classifier.engine import Engine
from classifier.feed import Feed
from classifier.settings import ClassifierSettings
from image_classifier.bundle import Bundle
from module_kit.inbox import Inbox, Overflow
from module_kit.message import Outgoing
from tests.classifier.arriving import arriving, frame
from tests.image_classifier.tiny_model import Tiny, encode, make_bundle, plain
from tests.patience import PATIENCE_S

RED = encode(plain((250, 10, 10)))


class Outputs:
    """What the module sent, in order.

    Args:
        delay_s: how long a message waits for a place in the window.
        stores: whether the hub confirms predictions at once; else the futures in `unconfirmed` wait.
    """

    def __init__(self, delay_s: float = 0, *, stores: bool = True) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.unconfirmed: list[asyncio.Future[None]] = []
        self._delay_s = delay_s
        self._stores = stores

    async def send(self, output: str, message: Outgoing) -> asyncio.Future[None]:
        await asyncio.sleep(self._delay_s)
        self.sent.append((output, json.loads(message.body)))
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._stores or output != "predictions":
            stored.set_result(None)
        else:
            self.unconfirmed.append(stored)
        return stored

    async def until(self, output: str, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.bodies(output)) < count:
                await asyncio.sleep(0.001)

    def bodies(self, output: str) -> list[dict[str, Any]]:
        return [body for name, body in self.sent if name == output]


@pytest.fixture
def inbox() -> Inbox[Any]:
    return Inbox("frames", 256, Overflow.DROP_OLDEST)


@pytest.fixture
def engine(tiny_bundle: Bundle) -> Engine:
    return Engine(ClassifierSettings(model=str(tiny_bundle.folder)))


def put(inbox: Inbox[Any], numbers: range, image: bytes = RED, **changes: Any) -> None:
    for number in numbers:
        inbox.put(arriving(frame(image, number, **changes).encode()))


async def test_order_and_credits(inbox: Inbox[Any], engine: Engine) -> None:
    outputs = Outputs()
    put(inbox, range(100))
    inbox.close()
    await Feed(inbox, engine, outputs.send).run()
    assert [body["sequence"] for body in outputs.bodies("predictions")] == list(range(100))
    assert [body["sequence"] for body in outputs.bodies("credits")] == [15, 31, 47, 63, 79, 95, 99]
    # A credit never overtakes the predictions that it speaks of.
    for position, (output, body) in enumerate(outputs.sent):
        if output == "credits":
            done = {b["sequence"] for name, b in outputs.sent[:position] if name == "predictions"}
            assert done == set(range(body["sequence"] + 1))


async def test_a_partial_window_is_credited_when_idle(
    inbox: Inbox[Any], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("classifier.feed.IDLE_S", 1.0)
    outputs = Outputs()
    feed = asyncio.create_task(Feed(inbox, engine, outputs.send).run())
    put(inbox, range(5))
    await outputs.until("predictions", 5)
    assert outputs.bodies("credits") == []
    await outputs.until("credits", 1)
    assert [(body["boot"], body["sequence"]) for body in outputs.bodies("credits")] == [("0a1b2c3d", 4)]
    await asyncio.sleep(1.5)
    assert len(outputs.bodies("credits")) == 1  # told once
    put(inbox, range(5, 7))
    await outputs.until("credits", 2)
    assert outputs.bodies("credits")[-1]["sequence"] == 6
    inbox.close()
    await feed


async def test_bad_frames_among_good_ones(inbox: Inbox[Any], engine: Engine) -> None:
    def errors(code: str) -> float:
        return REGISTRY.get_sample_value("classifier_errors_total", {"code": code}) or 0

    before = {code: errors(code) for code in ("truncated", "unknown_frame")}
    outputs = Outputs()
    put(inbox, range(10))
    put(inbox, range(10, 20), RED[:-3])
    nameless = arriving(frame(RED).encode())
    nameless.custom_properties = {}
    inbox.put(nameless)
    put(inbox, range(20, 30))
    inbox.close()
    await Feed(inbox, engine, outputs.send).run()
    predictions = outputs.bodies("predictions")
    assert [body["sequence"] for body in predictions] == list(range(30))
    assert [body["sequence"] for body in predictions if "error" in body] == list(range(10, 20))
    assert outputs.bodies("credits")[-1]["sequence"] == 29
    assert errors("truncated") - before["truncated"] == 10
    assert errors("unknown_frame") - before["unknown_frame"] == 1


async def test_a_bad_camera_does_not_fill_the_log(
    inbox: Inbox[Any], engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    put(inbox, range(200), b"no picture")
    inbox.close()
    await Feed(inbox, engine, Outputs().send).run()
    assert len([record for record in caplog.records if "no result for" in record.message]) == 1


async def test_a_switch_under_load_loses_no_frame(tmp_path: Path, tiny_bundle: Bundle) -> None:
    """Every prediction names one of the two models, the new one from some frame on, and none is missing."""
    other = make_bundle(tmp_path / "other", Tiny(softmax=False))
    old = ClassifierSettings(model=str(tiny_bundle.folder))
    inbox: Inbox[Any] = Inbox("frames", 1000, Overflow.DROP_OLDEST)
    engine, outputs = Engine(old), Outputs(delay_s=0.001)
    feed = asyncio.create_task(Feed(inbox, engine, outputs.send).run())
    put(inbox, range(300))
    await outputs.until("predictions", 1)
    assert len(outputs.bodies("predictions")) < 200
    await asyncio.to_thread(engine.change, old, ClassifierSettings(model=str(other.folder)))
    put(inbox, range(300, 400))
    inbox.close()
    await feed
    predictions = outputs.bodies("predictions")
    assert [body["sequence"] for body in predictions] == list(range(400))
    names = [body["model"]["name"] for body in predictions]
    assert names == sorted(names, reverse=True)  # "tiny" first, then "other"
    assert set(names) == {"tiny", "other"}
    assert {body["top"][0]["label"] for body in predictions} == {"red"}


async def test_settled_is_when_the_hub_has_every_answer_of_the_old_model(
    tmp_path: Path, tiny_bundle: Bundle
) -> None:
    old = ClassifierSettings(model=str(tiny_bundle.folder))
    new = ClassifierSettings(model=str(make_bundle(tmp_path / "other", Tiny(softmax=False)).folder))
    inbox: Inbox[Any] = Inbox("frames", 1000, Overflow.DROP_OLDEST)
    engine, outputs = Engine(old), Outputs(delay_s=0.001, stores=False)
    feed = Feed(inbox, engine, outputs.send)
    await asyncio.wait_for(feed.settled(), 1)  # before the first frame there is nothing to wait for
    engine.prepare(old, new)
    put(inbox, range(200))
    running = asyncio.create_task(feed.run())
    while len(outputs.bodies("predictions")) % 8 != 4:  # within a batch, which the old model has answered
        await asyncio.sleep(0)
    engine.change(old, new)
    settled = asyncio.create_task(feed.settled())
    begun = len(outputs.bodies("predictions"))
    while len(outputs.bodies("predictions")) < begun + 40:
        await asyncio.sleep(0.001)  # frames go on
    assert not settled.done()
    names = [body["model"]["name"] for body in outputs.bodies("predictions")]
    last_old = names.index("other") - 1
    assert last_old >= begun
    for stored in outputs.unconfirmed[:last_old]:
        stored.set_result(None)
    await asyncio.sleep(0.01)
    assert not settled.done()
    outputs.unconfirmed[last_old].set_result(None)
    await asyncio.wait_for(settled, 1)
    inbox.close()
    await running


async def test_the_loop_stays_free_while_a_picture_is_decoded(inbox: Inbox[Any], engine: Engine) -> None:
    put(inbox, range(8), encode(plain((9, 200, 9), 3000, 2000)))
    outputs, longest = Outputs(), 0.0
    loop = asyncio.get_running_loop()
    inbox.close()
    feed = asyncio.create_task(Feed(inbox, engine, outputs.send).run())
    while not feed.done():
        before = loop.time()
        await asyncio.sleep(0.001)
        longest = max(longest, loop.time() - before)
    assert len(outputs.bodies("predictions")) == 8
    total_s = sum(body["timingsMs"]["decode"] for body in outputs.bodies("predictions")) / 1000
    assert total_s > 0.05
    assert longest < total_s / 2
