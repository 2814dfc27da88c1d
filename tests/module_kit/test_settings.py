from __future__ import annotations

from typing import Any, Literal, Self

import pytest
from pydantic import Field, model_validator

from module_kit.settings import ModuleSettings, SettingsError, compose, expected, from_environment


class Settings(ModuleSettings):
    fps: float = Field(default=10, ge=0, le=1000, description="Frames per second")
    maximum_side: int = Field(default=640, ge=16, description="Pixels")
    mode: Literal["jpeg", "png"] = "jpeg"
    include: list[str] = Field(default=[], description="Labels")
    thresholds: dict[str, float] = Field(default={}, description="By label")
    source: str = "sample:"
    loop: bool = False
    block: Literal[512, 4096] = 512

    @model_validator(mode="after")
    def _png_is_small(self) -> Self:
        if self.mode == "png" and self.maximum_side > 1000:
            raise ValueError("png needs maximumSide of at most 1000")
        return self


@pytest.mark.parametrize(
    ("environment", "layer"),
    [
        ({}, {}),
        ({"FPS": "2.5", "MAXIMUM_SIDE": " 32 "}, {"fps": 2.5, "maximumSide": 32}),
        ({"FPS": "", "MODE": "  "}, {}),  # `NAME=` in .env means not set
        ({"INCLUDE": "cat, dog"}, {"include": ["cat", "dog"]}),
        ({"INCLUDE": '["a,b"]'}, {"include": ["a,b"]}),
        ({"THRESHOLDS": '{"cat": 0.9}'}, {"thresholds": {"cat": 0.9}}),
        ({"LOOP": "true"}, {"loop": True}),
        ({"BLOCK": "4096"}, {"block": 4096}),
        ({"fps": "3", "maximumSide": "3"}, {}),  # environment names are upper case
    ],
)
def test_environment(environment: dict[str, str], layer: dict[str, Any]) -> None:
    assert from_environment(Settings, environment) == layer


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"FPS": "3000"}, 'FPS = "3000": input should be less than or equal to 1000 (expected number from 0 to 1000'),
        ({"MAXIMUM_SIDE": "big"}, 'MAXIMUM_SIDE = "big": input should be a valid integer'),
        ({"MODE": "gif"}, "(expected one of jpeg, png)"),
        ({"THRESHOLDS": "cat=1"}, 'THRESHOLDS = "cat=1"'),
        ({"FPS": "nan"}, "FPS"),
        ({"FPS": "-1", "MODE": "x"}, 'FPS = "-1"'),
        ({"FPS": "-1", "MODE": "x"}, 'MODE = "x"'),  # all problems at once
        ({"MODE": "png", "MAXIMUM_SIDE": "2000"}, "png needs maximumSide of at most 1000"),
    ],
)  # fmt: skip
def test_environment_that_is_refused_names_variable_value_and_range(
    environment: dict[str, str], message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        from_environment(Settings, environment)
    assert message in str(caught.value)


def test_twin_wins_over_environment_wins_over_default() -> None:
    settings = compose(Settings, {"fps": 2, "maximumSide": 32}, {"fps": 3})
    assert (settings.fps, settings.maximum_side, settings.mode) == (3, 32, "jpeg")


@pytest.mark.parametrize(
    ("twin", "message"),
    [
        ({"fps": "5"}, 'fps = "5": input should be a valid number'),  # strict: no text for a number
        ({"maximumSide": 1.5}, "maximumSide"),
        (
            {"maximum_side": 32},
            "maximum_side: no such setting (there are: block, fps, include, loop, maximumSide",
        ),
        ({"colour": True}, "colour: no such setting"),
        ({"include": [1]}, "include"),
        ({"source": None}, "source = null"),
    ],
)
def test_twin_that_is_refused(twin: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        compose(Settings, twin)
    assert message in str(caught.value)


def test_a_password_is_not_echoed() -> None:
    with pytest.raises(SettingsError) as caught:
        compose(Settings, {"source": ["rtsp://me:secret@cam/1"]})
    assert "secret" not in str(caught.value)
    assert "rtsp://***@cam/1" in str(caught.value)


def test_expected_says_type_range_and_description() -> None:
    assert expected(Settings, "maximum_side") == "integer from 16; Pixels"
