from __future__ import annotations

from typing import Any

import pytest
from pydantic import Field

from module_kit.settings import ModuleSettings, SettingsRefused
from module_kit.twin_settings import TwinSettings


class Settings(ModuleSettings):
    fps: float = Field(default=10, ge=0, le=1000)
    quality: int = Field(default=80, ge=1, le=100)
    source: str = "sample:"
    thresholds: dict[str, float] = Field(default={})


def _twin(environment: dict[str, Any] | None = None, refuse: str = "") -> TwinSettings[Settings]:
    def apply(old: Settings, new: Settings) -> None:
        assert old != new
        if refuse and new.source == refuse:
            raise SettingsRefused(f"{refuse} does not exist")

    return TwinSettings(Settings, environment or {}, apply)


def _acks(report: dict[str, Any]) -> dict[str, Any]:
    return {name: ack and (ack.get("value"), ack["ac"], ack["av"]) for name, ack in report.items()}


def test_the_whole_twin_is_acknowledged_with_the_origin_of_each_value() -> None:
    twin = _twin({"quality": 50})
    report = twin.replace({"fps": 5, "$version": 3})
    assert report["fps"] == {"value": 5, "ac": 200, "av": 3, "ad": "twin"}
    assert report["quality"] == {"value": 50, "ac": 200, "av": 3, "ad": "environment"}
    assert report["source"] == {"value": "sample:", "ac": 200, "av": 3, "ad": "default"}


def test_a_twin_that_is_invalid_at_start_leaves_environment_and_defaults_in_force() -> None:
    twin = _twin({"quality": 50})
    report = twin.replace({"fps": -1, "quality": 60, "$version": 7})
    assert twin.current == Settings(quality=50)
    assert _acks(report)["fps"] == (10, 400, 7)
    assert "fps = -1" in report["fps"]["ad"]
    assert _acks(report)["quality"] == (50, 400, 7)
    assert report["quality"]["ad"].startswith("refused with the rest of the patch: fps = -1")
    assert _acks(report)["source"] == ("sample:", 200, 7)


def test_a_patch_touches_what_it_names_and_null_goes_back_to_the_environment() -> None:
    twin = _twin({"quality": 50})
    twin.replace({"quality": 60, "$version": 1})
    assert twin.current.quality == 60
    assert _acks(twin.patch({"fps": 4, "$version": 2})) == {"fps": (4, 200, 2)}
    report = twin.patch({"quality": None, "$version": 3})
    assert report == {"quality": {"value": 50, "ac": 200, "av": 3, "ad": "environment"}}
    assert twin.current == Settings(fps=4, quality=50)


def test_a_patch_is_refused_whole_and_the_last_good_settings_stay() -> None:
    twin = _twin()
    twin.replace({"fps": 5, "$version": 1})
    report = twin.patch({"fps": 6, "quality": 1000, "colour": "red", "$version": 2})
    assert twin.current == Settings(fps=5)
    assert _acks(report) == {"fps": (5, 400, 2), "quality": (80, 400, 2), "colour": (None, 400, 2)}
    assert "no such setting" in report["colour"]["ad"]


def test_after_a_refusal_another_patch_applies_and_the_refused_property_stays_refused() -> None:
    twin = _twin()
    twin.replace({"$version": 1})
    twin.patch({"fps": -1, "$version": 2})
    assert _acks(twin.patch({"quality": 7, "$version": 3})) == {"quality": (7, 200, 3)}
    assert twin.current == Settings(quality=7)


def test_a_patch_that_mends_the_refused_property_applies_all_that_was_held_back() -> None:
    twin = _twin()
    twin.replace({"fps": -1, "quality": 7, "$version": 1})
    report = twin.patch({"fps": 5, "$version": 2})
    assert twin.current == Settings(fps=5, quality=7)
    assert _acks(report) == {"fps": (5, 200, 2), "quality": (7, 200, 2)}


def test_an_unknown_property_that_is_removed_loses_its_acknowledgement() -> None:
    twin = _twin()
    twin.replace({"colour": 1, "$version": 1})
    assert twin.patch({"colour": None, "$version": 2})["colour"] is None


def test_objects_merge_as_in_a_twin() -> None:
    twin = _twin()
    twin.replace({"thresholds": {"cat": 0.5, "dog": 0.6}, "$version": 1})
    twin.patch({"thresholds": {"cat": None, "bird": 0.7}, "$version": 2})
    assert twin.current.thresholds == {"dog": 0.6, "bird": 0.7}


def test_a_value_too_large_to_be_reported_is_acknowledged_without_it() -> None:
    twin = _twin()
    report = twin.replace({"thresholds": {f"label{number}": 0.5 for number in range(500)}, "$version": 1})
    assert report["thresholds"] == {"ac": 200, "av": 1, "ad": "twin (too large to be echoed)"}
    assert len(twin.current.thresholds) == 500


def test_what_the_module_cannot_apply_is_refused_with_its_reason() -> None:
    twin = _twin(refuse="folder:/nowhere")
    twin.replace({"$version": 1})
    report = twin.patch({"source": "folder:/nowhere", "$version": 2})
    assert twin.current == Settings()
    assert report["source"]["ac"] == 400
    assert "folder:/nowhere does not exist" in report["source"]["ad"]


def test_keys_that_begin_with_a_dollar_are_not_settings() -> None:
    twin = _twin()
    assert twin.patch({"$version": 4, "$metadata": {}}) == {}
    assert twin.version == 4


@pytest.mark.parametrize("url", ["rtsp://me:pa/ss@cam/1", "mqtt://only-name@broker/t"])
def test_credentials_are_masked_in_acknowledgements(url: str) -> None:
    twin = _twin()
    value = twin.replace({"source": url, "$version": 1})["source"]["value"]
    assert value.startswith(url.partition("//")[0] + "//***@")
    assert "pa" not in value
    assert twin.current.source == url


def test_the_twin_read_again_drops_what_was_deleted_meanwhile() -> None:
    twin = _twin()
    twin.replace({"fps": 5, "quality": 7, "$version": 1})
    twin.replace({"fps": 5, "$version": 4})
    assert twin.current == Settings(fps=5)
