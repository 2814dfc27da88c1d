"""How a device's twins are judged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from release.deploy.content import AGENT, HUB
from release.deploy.twins import ModuleTwin, Snapshot
from release.deploy.verdict import DeviceVerdict, Health, judge
from tests.release.deploy.twins import LATER, STARTED, acknowledged, definition, runs, snapshot

BEFORE = snapshot(definition(), runs())
NEW = "r/camera:2"


def of(verdict: DeviceVerdict, name: str = "camera") -> tuple[Health, str]:
    (one,) = [one for one in verdict.verdicts if one.name == name]
    return one.health, one.text


def test_what_runs_as_desired_is_good() -> None:
    assert judge("edge", BEFORE, BEFORE).health is Health.GOOD
    assert judge("edge", BEFORE).unwell() == []


@pytest.mark.parametrize(
    ("now", "health", "text"),
    [
        pytest.param({}, Health.WAITING, "not there yet", id="not created"),
        pytest.param(runs(), Health.WAITING, "still runs r/camera:1", id="the old image"),
        pytest.param(runs(NEW), Health.WAITING, "not been replaced", id="the old process"),
        pytest.param(runs(NEW, LATER), Health.GOOD, "running", id="the new one"),
        pytest.param(runs(NEW, LATER, runtimeStatus="unknown"), Health.WAITING, "unknown", id="starting"),
        pytest.param(
            runs(NEW, LATER, runtimeStatus="backoff", statusDescription="exit code 2"),
            Health.TROUBLE,
            "exit code 2",
            id="crashed once",
        ),
        pytest.param(
            runs(NEW, LATER, runtimeStatus="backoff", restartCount=1), Health.FAILED, "backoff", id="twice"
        ),
        pytest.param(runs(NEW, LATER, runtimeStatus="failed"), Health.TROUBLE, "failed", id="no image"),
        pytest.param(
            runs(NEW, LATER, runtimeStatus="unhealthy"), Health.TROUBLE, "unhealthy", id="unhealthy"
        ),
        pytest.param(
            runs(NEW, LATER, runtimeStatus="stopped", lastExitTimeUtc="0001-01-01T00:00:00"),
            Health.WAITING,
            "stopped",
            id="not started",
        ),
    ],
)
def test_a_new_image(now: dict[str, Any], health: Health, text: str) -> None:
    found = of(judge("edge", snapshot(definition(NEW), now), BEFORE))
    assert found[0] is health
    assert text in found[1]


def test_what_failed_and_has_not_been_replaced_yet_says_nothing_of_what_replaces_it() -> None:
    said: dict[str, Any] = {
        "runtimeStatus": "backoff",
        "restartCount": 2,
        "statusDescription": "no such image; restart 2 after 20 s",
    }
    broken = snapshot(definition(NEW), runs(NEW, **said))
    restored = snapshot(definition(), runs(**said))
    health, text = of(judge("edge", restored, broken))
    assert (health, "not been replaced yet (backoff: no such image" in text) == (Health.WAITING, True)
    again = snapshot(definition(), runs(started=LATER, **said))
    assert of(judge("edge", again, broken))[0] is Health.FAILED


def test_an_image_without_a_tag_is_the_latest() -> None:
    now = snapshot(definition("r/camera"), runs("r/camera:latest", LATER))
    assert judge("edge", now, BEFORE).health is Health.GOOD


def test_new_create_options_need_a_new_start_and_another_cut_of_them_none() -> None:
    same = {"image": "r/camera:1", "createOptions": "{", "createOptions01": "}"}
    assert judge("edge", snapshot(definition(settings=same), runs()), BEFORE).health is Health.GOOD
    other = {"image": "r/camera:1", "createOptions": '{"HostConfig":{"Memory":1}}'}
    assert judge("edge", snapshot(definition(settings=other), runs()), BEFORE).health is Health.WAITING
    assert (
        judge("edge", snapshot(definition(settings=other), runs(started=LATER)), BEFORE).health is Health.GOOD
    )


def test_a_module_that_shall_stop_or_has_done_its_work() -> None:
    stopped = runs(runtimeStatus="stopped", lastExitTimeUtc=LATER)
    assert judge("edge", snapshot(definition(status="stopped"), runs()), BEFORE).health is Health.WAITING
    assert judge("edge", snapshot(definition(status="stopped"), stopped), BEFORE).health is Health.GOOD
    assert judge("edge", snapshot(definition(restartPolicy="never"), stopped)).health is Health.GOOD
    failed = {**stopped, "exitCode": 1}
    assert judge("edge", snapshot(definition(restartPolicy="never"), failed)).health is Health.WAITING


@pytest.mark.parametrize(
    ("code", "seen", "health"),
    [
        (200, 5, Health.GOOD),
        (200, 4, Health.WAITING),
        (400, 5, Health.FAILED),
        (412, 5, Health.FAILED),
        (417, 5, Health.FAILED),
        (406, 5, Health.TROUBLE),
        (500, 5, Health.TROUBLE),
    ],
)
def test_what_the_agent_says_of_the_deployment(code: int, seen: int, health: Health) -> None:
    now = snapshot(definition(), runs(), code=code, seen=seen)
    assert of(judge("edge", now, BEFORE), AGENT)[0] is health


def test_the_hub_refuses_its_routes() -> None:
    assert of(judge("edge", snapshot(definition(), runs(), hub_code=400)), HUB)[0] is Health.FAILED
    behind = {**BEFORE, HUB: replace(BEFORE[HUB], version=9)}
    assert of(judge("edge", behind, BEFORE), HUB)[0] is Health.WAITING


def test_a_system_module_with_another_image_is_waited_for() -> None:
    agent = BEFORE[AGENT]
    newer = {
        **agent.desired,
        "systemModules": {**agent.desired["systemModules"], "edgeHub": {"settings": {"image": "r/hub:2"}}},
    }
    now = {**BEFORE, AGENT: replace(agent, desired=newer)}
    assert of(judge("edge", now, BEFORE), HUB) == (Health.WAITING, "still runs r/hub:1, not r/hub:2")


def test_a_module_that_was_connected_must_be_so_again() -> None:
    now = snapshot(definition(NEW), runs(NEW, LATER), connected=False)
    assert of(judge("edge", now, BEFORE))[0] is Health.WAITING
    never = snapshot(definition(), runs(), connected=False)
    assert of(judge("edge", now, never))[0] is Health.GOOD
    # Without a state before, that it has been edgeHub's client at all must do.
    assert of(judge("edge", now))[0] is Health.WAITING
    nobody = {**now, HUB: replace(now[HUB], reported={**now[HUB].reported, "clients": {}})}
    assert of(judge("edge", nobody))[0] is Health.GOOD


def with_settings(desired: Any, version: int, **reported: Any) -> Snapshot:
    return snapshot(definition(), runs(), twin=ModuleTwin(desired, version, reported))


SETTINGS = with_settings({"fps": 5}, 2, fps=acknowledged(5, av=2))


@pytest.mark.parametrize(
    ("desired", "reported", "health"),
    [
        pytest.param({"fps": 7}, acknowledged(5, av=2), Health.WAITING, id="not answered"),
        pytest.param({"fps": 7}, acknowledged(7, av=3), Health.GOOD, id="accepted"),
        pytest.param({"fps": 7}, acknowledged(5, 400, 3, "too fast"), Health.FAILED, id="refused"),
        pytest.param({"fps": 7}, acknowledged(5, 400, 2, "too fast"), Health.WAITING, id="refused earlier"),
        pytest.param({"fps": 5}, acknowledged(5, av=2), Health.GOOD, id="unchanged"),
        pytest.param({"fps": 7}, 5, Health.GOOD, id="a module that acknowledges nothing"),
    ],
)
def test_settings(desired: Any, reported: Any, health: Health) -> None:
    assert of(judge("edge", with_settings(desired, 3, fps=reported), SETTINGS))[0] is health


def test_a_refusal_may_be_that_of_the_version_that_is_being_replaced() -> None:
    twin = ModuleTwin({"fps": 7}, 3, {"fps": acknowledged(5, 400, 3, "unknown")})
    now = snapshot(definition(NEW), runs(NEW, LATER), twin=twin)
    assert of(judge("edge", now, SETTINGS)) == (Health.TROUBLE, "fps: refused: unknown")


def test_without_a_state_before_each_refusal_counts() -> None:
    verdict = judge("edge", with_settings({"fps": 7}, 9, fps=acknowledged(5, 400, 3)))
    assert of(verdict)[0] is Health.TROUBLE


def test_what_was_unwell_before_and_is_left_alone_is_told_and_forgiven() -> None:
    crashing = runs(runtimeStatus="backoff", restartCount=7)
    description = "camera: cannot be started"
    before = snapshot(definition(), crashing, code=500, description=description)
    now = snapshot(definition(), {**crashing, "restartCount": 8}, code=500, description=description)
    verdict = judge("edge", now, before)
    assert verdict.health is Health.GOOD
    assert [one.name for one in verdict.as_before] == ["camera"]
    changed = snapshot(definition(NEW), runs(NEW, LATER, runtimeStatus="backoff", restartCount=1))
    assert judge("edge", changed, before).health is Health.FAILED
    other = snapshot(definition(), crashing, code=500, description="second: cannot be started")
    extra = {**other[AGENT].desired, "modules": {"camera": definition(), "second": definition()}}
    with_second = {**other, AGENT: replace(other[AGENT], desired=extra)}
    assert of(judge("edge", with_second, before), AGENT)[0] is Health.TROUBLE


def test_the_worst_comes_first() -> None:
    now = snapshot(definition(NEW), runs(STARTED), code=400, description="broken")
    assert [one.name for one in judge("edge", now, BEFORE).unwell()] == [AGENT, "camera"]
