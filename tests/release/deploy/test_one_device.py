"""Two who deploy to one device at the same time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from release.deploy.content import AGENT
from release.deploy.follow import Pace
from release.deploy.one_device import OneDevice
from release.deploy.outcome import Exit, HubError
from release.deploy.twins import Snapshot
from tests.release.deploy.hub import HubInMemory, content, session


def deploy(hub: Any, image: str, pace: Pace | None = None) -> Exit:
    ours = session()
    if pace is not None:
        ours.options = replace(ours.options, pace=pace)
    return OneDevice(ours, hub, "edge").deploy(content(image))


class Overtaken(HubInMemory):
    """Somebody else deploys `image` right before the look of this number: 1 is what the difference is shown from."""

    def __init__(self, look: int, image: str) -> None:
        self.looks = 0
        super().__init__()
        self.looked = self._look
        self._at = look
        self._image = image

    def _look(self) -> None:
        self.looks += 1
        if self.looks == self._at:
            self.apply("edge", content(self._image))


@pytest.mark.parametrize("image", ["r/camera:3", "r/camera:broken"])
@pytest.mark.parametrize(
    ("look", "told"),
    [
        pytest.param(2, "somebody else has changed edge since the difference was shown", id="while asked"),
        pytest.param(3, "somebody else has deployed to edge meanwhile", id="right after it"),
        pytest.param(4, "somebody else has deployed to edge meanwhile", id="while followed"),
    ],
)
def test_who_is_overtaken_says_so_and_changes_nothing_more(look: int, told: str, image: str) -> None:
    hub = Overtaken(look, image)
    pace = Pace(timeout_s=20.0, settle_s=1000.0, patience_s=0.0, poll_s=0.001)
    with pytest.raises(HubError, match=told):
        deploy(hub, "r/camera:2", pace)
    assert hub.looks == look
    assert hub.images() == [image]
    assert bool(hub.configurations) is (look > 2)


def test_what_somebody_else_deploys_before_the_way_back_stays() -> None:
    hub = Overtaken(4, "r/camera:3")
    assert deploy(hub, "r/camera:broken") is Exit.UNRESTORED
    assert hub.images() == ["r/camera:3"]


def test_going_back_by_hand_is_refused_when_somebody_else_deploys_meanwhile() -> None:
    hub = HubInMemory()
    assert deploy(hub, "r/camera:2") is Exit.DONE
    looks: list[int] = []

    def somebody_else() -> None:
        looks.append(1)
        if len(looks) == 2:
            hub.apply("edge", content("r/camera:3"))

    hub.looked = somebody_else
    anything: Any = hub
    with pytest.raises(HubError, match="since the difference was shown"):
        OneDevice(session(), anything, "edge").restore()
    assert hub.images() == ["r/camera:3"]


def test_a_value_that_iot_hub_writes_otherwise_is_nobody_s_deployment() -> None:
    class Rewriting(HubInMemory):
        def snapshot(self, device: str, modules: Iterable[str] = ()) -> Snapshot:
            found = dict(super().snapshot(device, modules))
            rewritten = {**found[AGENT].desired, "schemaVersion": "1.1.0"}
            return {**found, AGENT: replace(found[AGENT], desired=rewritten)}

    hub = Rewriting()
    assert deploy(hub, "r/camera:2") is Exit.DONE


def test_alone_it_goes_on_as_it_should() -> None:
    hub = HubInMemory()
    assert deploy(hub, "r/camera:2") is Exit.DONE
    assert deploy(hub, "r/camera:broken") is Exit.FAILED
    assert hub.images() == ["r/camera:2"]
