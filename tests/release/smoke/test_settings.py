"""Settings go in with what was there before beside them, and come back whole."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from release.smoke.errors import NotPossibleError, NotRestoredError
from release.smoke.settings import (
    CAMERA,
    FILTER,
    Change,
    acknowledged,
    apply,
    camera_settings,
    filter_settings,
    left_behind,
    refuse_if_under_way,
    restore,
    restore_all,
)
from release.smoke.twins import ModuleTwins

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Twins:
    """Module twins as IoT Hub keeps them: patches merge, null deletes, each change has a version and an ETag."""

    device = "edge"

    def __init__(self, **desired: dict[str, Any]) -> None:
        self.twins: dict[str, dict[str, Any]] = {
            name: {
                "etag": "1",
                "tags": {},
                "desired": {"$version": 1, **desired.get(name, {})},
                "reported": {},
            }
            for name in (CAMERA, FILTER)
        }
        self.failures: list[str] = []

    def read(self, module: str) -> dict[str, Any]:
        return copy.deepcopy(self.twins[module])

    def patch(
        self, module: str, desired: dict[str, Any], tags: dict[str, Any], etag: str | None
    ) -> dict[str, Any]:
        if module in self.failures:
            self.failures.remove(module)
            raise NotPossibleError(f"{module} throttled")
        twin = self.twins[module]
        if etag not in (None, twin["etag"]):
            raise NotPossibleError("changed meanwhile")
        for section, patch in ((twin["desired"], desired), (twin["tags"], tags)):
            for name, value in patch.items():
                section.pop(name, None)
                if value is not None:
                    section[name] = copy.deepcopy(value)
        twin["desired"]["$version"] += 1
        twin["etag"] = str(int(twin["etag"]) + 1)
        return self.read(module)

    def settings(self, module: str) -> dict[str, Any]:
        desired = self.twins[module]["desired"]
        return {name: value for name, value in desired.items() if name != "$version"}


def put(twins: Twins, module: str, settings: dict[str, Any], run: str = "r1") -> Change:
    return apply(cast("ModuleTwins", twins), module, settings, run, MINUTE, now=lambda: NOW)


def give_back(twins: Twins, run: str | None, attempts: int = 2) -> list[str]:
    return restore_all(cast("ModuleTwins", twins), run, attempts=attempts, pause=lambda: None)


BEFORE: dict[str, Any] = {"source": "rtsp://u:p@host/1", "region": [0, 0, 1, 0.5], "silenceSeconds": 9}


def test_what_was_desired_comes_back_whole_and_nothing_else_stays() -> None:
    twins = Twins(camera=BEFORE)
    put(twins, CAMERA, camera_settings("smoke-r1", 7, 40, 5.0))
    put(twins, FILTER, filter_settings())
    during = twins.settings(CAMERA)
    assert (during["source"], during["region"], during["silenceSeconds"]) == ("sample:?seed=7", [], 9)
    assert give_back(twins, "r1") == [CAMERA, FILTER]
    assert (twins.settings(CAMERA), twins.settings(FILTER)) == (BEFORE, {})
    assert [twin["tags"] for twin in twins.twins.values()] == [{}, {}]
    assert give_back(twins, "r1") == []


def test_another_run_s_settings_are_left_to_it() -> None:
    twins = Twins()
    put(twins, CAMERA, {"fps": 1}, run="other")
    assert give_back(twins, "r1") == []
    assert twins.settings(CAMERA) == {"fps": 1}
    with pytest.raises(NotPossibleError, match=r"another smoke test of edge .*run other, until 08:01:00 UTC"):
        put(twins, CAMERA, {"fps": 2})


def test_what_a_killed_test_has_left_is_known_by_its_time() -> None:
    twins = Twins(camera=BEFORE)
    put(twins, CAMERA, {"source": "sample:"})
    twin = twins.read(CAMERA)
    assert not left_behind(twin, NOW + MINUTE)
    assert left_behind(twin, NOW + 2 * MINUTE)
    with pytest.raises(NotPossibleError, match="which should be over"):
        refuse_if_under_way(twin, NOW + 2 * MINUTE, "edge", CAMERA)
    assert restore(cast("ModuleTwins", twins), CAMERA)
    assert twins.settings(CAMERA) == BEFORE
    assert not left_behind(twins.read(CAMERA), NOW + 2 * MINUTE)


def test_restoring_is_tried_again_and_says_what_could_not_be_put_back() -> None:
    twins = Twins()
    put(twins, CAMERA, {"fps": 1})
    put(twins, FILTER, filter_settings())
    twins.failures = [CAMERA]
    assert give_back(twins, "r1") == [CAMERA, FILTER]
    put(twins, CAMERA, {"fps": 1})
    put(twins, FILTER, filter_settings())
    twins.failures = [CAMERA, CAMERA]
    with pytest.raises(NotRestoredError, match=r"camera throttled.*scripts/smoke --restore"):
        give_back(twins, "r1")
    assert twins.settings(FILTER) == {}


def answer(version: int, status: int = 200) -> dict[str, Any]:
    return {"value": 1, "ac": status, "av": version, "ad": "not that"}


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        ({}, False),
        ({"fps": answer(4), "frames": answer(4)}, False),
        ({"fps": answer(5)}, False),
        ({"fps": answer(5), "frames": answer(5)}, True),
        ({"fps": answer(6), "frames": answer(5)}, True),
        ({"fps": answer(4, 400), "frames": answer(5)}, False),
    ],
)
def test_a_module_has_taken_settings_when_it_answers_each_of_them(
    reported: dict[str, Any], expected: bool
) -> None:
    assert acknowledged(reported, Change(CAMERA, {"fps": 1, "frames": 2}, 5)) is expected


def test_a_setting_that_the_module_refuses_ends_the_test() -> None:
    with pytest.raises(NotPossibleError, match="camera refuses fps: not that"):
        acknowledged({"fps": answer(5, 400)}, Change(CAMERA, {"fps": 1, "frames": 2}, 5))
