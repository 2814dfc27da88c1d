"""`kill -9` of the classifier under load: what it had taken is a gap that is counted, the rest arrives."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from demo.ledger import Ledger
from tests.data import random_records, write_cifar10
from tests.e2e.conftest import StartDevice
from tests.e2e.device import Device, Feed, alive
from tests.patience import wait_for

FRAMES = 2000
WINDOW = 64
STILL_S = 1.0
FRAMES_INPUT = "classifier/frames"


class Watch:
    """The demo's own count of what crosses the hub, and which frames the classifier has confirmed."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self.ledger = Ledger()
        self.confirmed: set[str] = set()
        self._seen = 0

    def read(self) -> Ledger:
        for document in self._feed.taken():
            self._seen += 1
            self.ledger.take(document)
            if document["type"] == "delivered" and document["endpoint"] == FRAMES_INPUT:
                self.confirmed.add(document["messageId"])
        return self.ledger

    def until_still(self) -> None:
        """Wait until nothing has crossed the hub for a while."""
        seen, since = self._seen, time.monotonic()
        while time.monotonic() - since < STILL_S:
            time.sleep(0.05)
            self.read()
            if self._seen != seen:
                seen, since = self._seen, time.monotonic()

    @property
    def held(self) -> set[str]:
        """Frames that are the hub's: stored, and not yet confirmed by a classifier."""
        return self.read().frames.keys() - self.confirmed

    @property
    def taken(self) -> set[str]:
        """Frames that a classifier has confirmed and not answered."""
        return self.read().unpredicted & self.confirmed


def kill_with_frames_on_both_sides(running: Device, watch: Watch) -> dict[str, int]:
    """Freeze it under load at a moment when both its inbox and the hub hold frames; then kill it."""
    classifier = running.module("classifier")
    while True:
        os.kill(classifier["pid"], signal.SIGSTOP)
        watch.until_still()  # what was on its way has arrived, and the camera has filled its window
        if watch.held and watch.taken:
            break
        os.kill(classifier["pid"], signal.SIGCONT)
        enough = watch.ledger.predictions + 25
        wait_for(lambda: watch.read().predictions >= enough, "more predictions")  # noqa: B023
    os.kill(classifier["pid"], signal.SIGKILL)
    wait_for(lambda: not alive(classifier), "its end")
    return classifier


def missing(running: Device) -> int:
    """Gaps by the filter's own count, over all summaries that went upstream."""
    lines = running.command("events", "--output", "summaries", "--json").stdout.splitlines()
    sources = [source for line in lines for source in json.loads(line)["body"]["sources"]]
    return sum(source["missing"] for source in sources)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_its_inbox_is_counted_lost_and_the_rest_arrives(device: StartDevice, short: Path) -> None:
    source = write_cifar10(short / "cifar", random_records(FRAMES))
    running = device(None, CAMERA_SOURCE=f"cifar10:{source}", CAMERA_FPS="0").up()
    with running.feed("stored,delivered,dropped") as feed:
        watch = Watch(feed)
        wait_for(lambda: watch.read().predictions >= 200, "predictions under load")
        killed = kill_with_frames_on_both_sides(running, watch)
        held, taken = watch.held, watch.taken
        camera = running.module("camera")

        running.module("classifier", other_than=killed["pid"])
        wait_for(lambda: running.twin("camera").get("state") == "finished", "the camera's last frame", 300)
        wait_for(lambda: _settled(running) and len(watch.read().frames) == FRAMES, "empty queues")
        # the hub's queues are empty before the classifier's inbox is: the SDK confirms what it has put there
        wait_for(lambda: watch.read().unpredicted <= taken, "an answer to each frame that was not lost")
        ledger = watch.read()
        assert alive(camera)
    agent: dict[str, Any] = running.twin("$edgeAgent")["modules"]["classifier"]
    assert (agent["runtimeStatus"], agent["restartCount"]) == ("running", 1)
    assert running.stop() == 0

    assert ledger.missed == 0
    assert not ledger.unpredicted & held, "what the hub held is answered by the new process"
    assert ledger.unpredicted == taken
    assert ledger.lost <= WINDOW
    assert ledger.predictions == FRAMES - ledger.lost
    assert (ledger.out_of_order, dict(ledger.dropped)) == (0, {})
    assert missing(running) == ledger.lost


def _settled(running: Device) -> bool:
    return not any(running.queues().values()) and not running.snapshot()["unacknowledged"]
