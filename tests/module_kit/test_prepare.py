"""Slow preparations of new settings: awaited before they come into force, in the order of the patches."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import Field

from module_kit.module import Module
from module_kit.settings import ModuleSettings, SettingsRefused
from module_kit.twin_settings import TwinSettings
from module_kit.watchdog import Watchdog
from tests.patience import PATIENCE_S


class Settings(ModuleSettings):
    model: str = "a"
    top_k: int = Field(default=1, ge=1)


def twin() -> TwinSettings[Settings]:
    return TwinSettings(Settings, {}, lambda _old, _new: None)


@pytest.mark.parametrize(
    ("desired", "expected"),
    [
        ({}, []),  # what is in force already
        ({"model": "b"}, [Settings(model="b")]),
        ({"model": "b", "$version": 9}, [Settings(model="b")]),
        ({"model": "a"}, []),
        ({"model": None}, []),
        ({"model": "b", "topK": 0}, []),  # not valid: nothing to prepare
        ({"nonsense": 1}, []),
    ],
)
def test_candidates_are_what_would_be_tried(desired: dict[str, Any], expected: list[Settings]) -> None:
    for whole in (True, False):
        settings = twin()
        assert settings.candidates(desired, whole=whole) == expected
        assert settings.current == Settings()
        assert settings.version == 0


def test_a_patch_that_mends_an_earlier_one_has_both_as_candidates() -> None:
    settings = twin()
    settings.patch({"model": "b", "topK": 0, "$version": 1})
    assert settings.candidates({"topK": 2}, whole=False) == [Settings(model="b", top_k=2), Settings(top_k=2)]


async def test_patches_are_prepared_and_applied_in_order() -> None:
    module = Module("m", Settings, {}, asyncio.Event(), Watchdog())
    seen: list[tuple[str, str]] = []
    done = asyncio.Event()

    async def prepare(_old: Settings, new: Settings) -> None:
        await asyncio.sleep(0.05 if new.model == "b" else 0)  # the first takes longer
        seen.append(("prepare", new.model))

    def apply(_old: Settings, new: Settings) -> None:
        seen.append(("apply", new.model))
        if new.model == "c":
            done.set()

    module.on_settings(apply, prepare=prepare)

    async def main(module: Module[Settings]) -> None:
        await module._replace({"$version": 1})
        for version, model in ((2, "b"), (3, "c")):
            module._patch_arrived({"model": model, "$version": version})
        assert module.settings.model == "a"
        async with asyncio.timeout(PATIENCE_S):
            await done.wait()

    await module.live(main)
    assert seen == [("prepare", "b"), ("apply", "b"), ("prepare", "c"), ("apply", "c")]


@pytest.mark.parametrize(("model", "code"), [("b", 200), ("bad", 400)])
async def test_nothing_is_acknowledged_before_the_old_settings_work_is_done(model: str, code: int) -> None:
    module = Module("m", Settings, {}, asyncio.Event(), Watchdog())
    reports: list[Mapping[str, Any]] = []
    asked, done = asyncio.Event(), asyncio.Event()

    def apply(_old: Settings, new: Settings) -> None:
        if new.model == "bad":
            raise SettingsRefused("model: bad")

    async def settle() -> None:
        if module._settings.version == 2:
            asked.set()
            await done.wait()

    module.on_settings(apply, settle=settle)
    module._reporter.report = reports.append  # type: ignore[assignment, method-assign]

    async def main(module: Module[Settings]) -> None:
        await module._replace({"$version": 1})
        reports.clear()
        module._patch_arrived({"model": model, "$version": 2})
        async with asyncio.timeout(PATIENCE_S):
            await asked.wait()
            assert reports == []
            done.set()
            while not reports:
                await asyncio.sleep(0)

    await module.live(main)
    assert [report["model"]["ac"] for report in reports] == [code]
