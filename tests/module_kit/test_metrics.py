from __future__ import annotations

from pydantic import Field

from module_kit.metrics import Distinct
from module_kit.settings import ModuleSettings
from module_kit.twin_settings import TwinSettings
from tests.counted import value


class Settings(ModuleSettings):
    fps: float = Field(default=10, ge=0, le=1000)
    source: str = "sample:"


def test_only_so_many_values_are_told_apart() -> None:
    distinct = Distinct(2, "others")
    told = [distinct(name) for name in ("a", "b", "c", "a", "d", "b")]
    assert told == ["a", "b", "others", "a", "others", "b"]


def test_settings_that_are_refused_now() -> None:
    twin = TwinSettings(Settings, {}, lambda old, new: None)
    twin.replace({"fps": -1, "source": "camera:0", "$version": 1})
    assert value("module_settings_refused") == 2  # the whole patch
    twin.patch({"fps": 5, "$version": 2})
    assert value("module_settings_refused") == 0
    twin.patch({"fps": 5000, "$version": 3})
    assert value("module_settings_refused") == 1
