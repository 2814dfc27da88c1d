"""What an automatic deployment goes back to: that which was seen well last, whatever came between."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from release.deploy.fleet import Fleet
from release.deploy.follow import Pace
from release.deploy.outcome import Exit, HubError
from tests.release.deploy.hub import CONDITION, HubInMemory, content, layer, session


def hub_as_any(hub: HubInMemory) -> Any:
    return hub


def fleet(hub: Any, *arguments: str, priority: int = 10) -> Fleet:
    return Fleet(session(*arguments), hub, CONDITION, priority)


def interrupted(hub: HubInMemory, image: str) -> None:
    """A deployment that was not seen well, nor ill."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    hub.created = interrupt
    with pytest.raises(KeyboardInterrupt):
        fleet(hub).deploy(content(image))
    hub.created = lambda: None
    assert hub.images() == [image]


@pytest.fixture
def hub() -> HubInMemory:
    """With a deployment that is well."""
    hub = HubInMemory()
    assert fleet(hub).deploy(content("r/camera:1")) is Exit.DONE
    return hub


def test_a_failure_goes_back_past_what_was_interrupted(hub: HubInMemory) -> None:
    interrupted(hub, "r/camera:2")
    interrupted(hub, "r/camera:3")
    assert fleet(hub).deploy(content("r/camera:broken")) is Exit.FAILED
    assert hub.images() == ["r/camera:1"]
    assert len(hub.configurations) == 1


def test_so_does_following(hub: HubInMemory) -> None:
    interrupted(hub, "r/camera:2")
    interrupted(hub, "r/camera:broken")
    assert fleet(hub).follow() is Exit.FAILED
    assert hub.images() == ["r/camera:1"]


def test_so_does_restore(hub: HubInMemory) -> None:
    interrupted(hub, "r/camera:2")
    interrupted(hub, "r/camera:3")
    assert fleet(hub).restore() is Exit.DONE
    assert hub.images() == ["r/camera:1"]


def test_after_a_success_restore_knows_what_was_well_before(hub: HubInMemory) -> None:
    interrupted(hub, "r/camera:2")
    assert fleet(hub).deploy(content("r/camera:3")) is Exit.DONE
    assert hub.images() == ["r/camera:3"]
    assert fleet(hub).restore() is Exit.DONE
    assert hub.images() == ["r/camera:1"]


def test_what_was_interrupted_and_turns_out_well_is_what_one_goes_back_to(hub: HubInMemory) -> None:
    interrupted(hub, "r/camera:2")
    assert fleet(hub).deploy(content("r/camera:2")) is Exit.DONE
    assert fleet(hub).deploy(content("r/camera:broken")) is Exit.FAILED
    assert hub.images() == ["r/camera:2"]


def test_what_somebody_else_deploys_meanwhile_stays(hub: HubInMemory) -> None:
    def somebody_else() -> None:
        hub.created = lambda: None
        assert fleet(hub).deploy(content("r/camera:3")) is Exit.DONE

    hub.created = somebody_else
    assert fleet(hub).deploy(content("r/camera:2")) is Exit.UNRESTORED
    assert hub.images() == ["r/camera:3"]


@pytest.mark.parametrize("earlier", [True, False])
def test_what_somebody_else_deploys_before_it_is_confirmed_is_told(hub: HubInMemory, earlier: bool) -> None:
    """What changes was shown against what was in force before, or against nothing."""
    if not earlier:
        hub.configurations.clear()

    def somebody_else() -> None:
        hub.looked = lambda: None
        assert fleet(hub).deploy(content("r/camera:3")) is Exit.DONE

    hub.looked = somebody_else
    with pytest.raises(
        HubError, match=r"somebody else has deployed edge-vision-dev since .* is in force now"
    ):
        fleet(hub).deploy(content("r/camera:2"))
    assert hub.images() == ["r/camera:3"]


def test_a_layer_that_fails_once_the_one_before_is_gone_brings_that_back(hub: HubInMemory) -> None:
    above = ("--name", "extra")
    assert fleet(hub, *above, priority=11).deploy(layer("one", "r/one:1")) is Exit.DONE
    assert fleet(hub, *above, priority=11).deploy(layer("two", "r/two:needy")) is Exit.FAILED
    assert hub.images() == ["r/camera:1", "r/one:1"]


def test_a_deployment_below_another_is_refused_at_once(hub: HubInMemory) -> None:
    with pytest.raises(HubError, match="has the priority 10 and is for edge too"):
        fleet(hub, "--name", "other", priority=9).deploy(content("r/camera:2"))
    assert len(hub.configurations) == 1


@pytest.mark.parametrize(("pause_s", "at_most"), [(0.0, None), (1000.0, 8)])
def test_twins_are_looked_at_more_often_than_iot_hub_is_queried(
    hub: HubInMemory, pause_s: float, at_most: int | None
) -> None:
    hub.query_pause_s, hub.queries, hub.slow = pause_s, 0, 20
    patient, anything = session(), hub_as_any(hub)
    pace = Pace(timeout_s=100.0, settle_s=0.0, patience_s=0.0, poll_s=0.001)
    patient.options = replace(patient.options, pace=pace)
    assert Fleet(patient, anything, CONDITION, 10).deploy(content("r/camera:2")) is Exit.DONE
    assert hub.queries <= at_most if at_most else hub.queries > 20
