"""Two who deploy to one device at the same time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from release.deploy.follow import Pace
from release.deploy.one_device import OneDevice
from release.deploy.outcome import Exit, HubError
from tests.release.deploy.hub import HubInMemory, content, session


def deploy(hub: Any, image: str, pace: Pace | None = None) -> Exit:
    ours = session()
    if pace is not None:
        ours.options = replace(ours.options, pace=pace)
    return OneDevice(ours, hub, "edge").deploy(content(image))


@pytest.mark.parametrize("image", ["r/camera:3", "r/camera:broken"])
def test_who_is_overtaken_says_so_and_changes_nothing_more(image: str) -> None:
    hub, looks = HubInMemory(), []

    def somebody_else() -> None:
        looks.append(1)
        if len(looks) == 4:
            hub.apply("edge", content(image))

    hub.looked = somebody_else
    pace = Pace(timeout_s=20.0, settle_s=1000.0, patience_s=0.0, poll_s=0.001)
    with pytest.raises(HubError, match="somebody else has deployed to edge meanwhile"):
        deploy(hub, "r/camera:2", pace)
    assert hub.images() == [image]
    assert len(looks) > 4


def test_alone_it_goes_on_as_it_should() -> None:
    hub = HubInMemory()
    assert deploy(hub, "r/camera:2") is Exit.DONE
    assert deploy(hub, "r/camera:broken") is Exit.FAILED
    assert hub.images() == ["r/camera:2"]
