"""What keeps a module of `$edgeAgent` from being read, as its reported status tells it."""

from __future__ import annotations

from typing import Any

import pytest

from edge_runtime.manifest.modules import module_problem

GOOD: dict[str, Any] = {
    "type": "docker",
    "status": "running",
    "restartPolicy": "always",
    "version": "1.0",
    "settings": {"image": "camera:1", "createOptions": "{}"},
}


def test_nothing_is_wrong_with_a_good_one() -> None:
    assert module_problem("camera", GOOD) == ""


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"status": "paused"}, "modules.camera: 'status' is none of 'running' or 'stopped'"),
        ({"startupOrder": -1}, "modules.camera: 'startupOrder' is below 0"),
        ({"colour": "red"}, "modules.camera: 'colour' is not known here"),
        ({"settings": None}, "modules.camera: 'settings' is no object"),
        ({"settings": {"createOptions": "{}"}}, "modules.camera.settings: 'image' is missing"),
        ({"env": {"PASSWORD": "secret"}}, "modules.camera.env: 'PASSWORD' is no object"),
        (
            {"env": {"PASSWORD": {"value": ["secret"]}}},
            "modules.camera.env.PASSWORD: the value is no text, number or true/false",
        ),
        (
            {"settings": {"image": "camera:1", "createOptions": "secret"}},
            "modules.camera.settings: createOptions holds no JSON: expecting value at character 1",
        ),
    ],
)
def test_the_field_is_named_and_no_value(changes: dict[str, Any], problem: str) -> None:
    assert module_problem("camera", {**GOOD, **changes}) == problem


def test_a_module_that_is_no_object() -> None:
    assert module_problem("camera", 5) == "modules.camera: 'camera' is no object"
