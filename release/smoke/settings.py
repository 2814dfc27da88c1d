"""The settings that a smoke test gives the modules, and how they go back.

What a twin desired before is kept in its tag `smokeTest`, written in the same patch as the change: a test that is
killed leaves nothing that the next one, or `--restore`, cannot undo. Tags are seen by the service alone, as desired
properties of others are, so nothing is told to anybody who could not read it before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from release.smoke.errors import NotPossibleError, NotRestoredError
from release.smoke.twins import ModuleTwins

TAG = "smokeTest"
CAMERA, FILTER = "camera", "results_filter"


def filter_settings() -> dict[str, Any]:
    """Every prediction goes upstream, within the filter's budget."""
    return {"predictionsUpstream": "all"}


def camera_settings(source_name: str, seed: int, drawings: int, fps: float) -> dict[str, Any]:
    """Each drawing once, as its file is, in an order of this run's own. `seed`: at most nine digits.

    The order is what makes the source another one than the `sample:` that a demo shows, so that it is opened anew.
    """
    return {
        "source": f"sample:?seed={seed}",
        "sourceName": source_name,
        "frames": drawings,
        "fps": fps,
        "sceneSeconds": 0.001,
        "overflow": "wait",
        "format": "auto",
        "jpegQuality": 0,
        "maximumSide": 0,
        "region": [],
    }


@dataclass(frozen=True, slots=True)
class Change:
    """Settings that are in a twin since `version`."""

    module: str
    settings: Mapping[str, Any]
    version: int


def apply(
    twins: ModuleTwins,
    module: str,
    settings: Mapping[str, Any],
    run: str,
    lasts: timedelta,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Change:
    """Raises NotPossibleError: it cannot be done, or another test's settings are there."""
    before = twins.read(module)
    refuse_if_under_way(before, now(), twins.device, module)
    kept = {name: before["desired"][name] for name in settings if name in before["desired"]}
    journal = {
        "run": run,
        "until": (now() + lasts).isoformat(timespec="seconds"),
        "names": sorted(settings),
        "desired": kept,
    }
    after = twins.patch(module, dict(settings), {TAG: journal}, before["etag"])
    return Change(module, settings, int(after["desired"].get("$version", 0)))


def refuse_if_under_way(twin: Mapping[str, Any], now: datetime, device: str, module: str) -> None:
    """Raises NotPossibleError for a test that may still run: two would change what the other reads."""
    journal = twin["tags"].get(TAG)
    if journal is None:
        return
    raise NotPossibleError(
        f"another smoke test of {device} has its settings in the twin of {module} (run {journal.get('run')}, "
        f"{_age(journal, now)}); if it was killed: scripts/smoke --restore, with the same target"
    )


def left_behind(twin: Mapping[str, Any], now: datetime) -> bool:
    """Whether a test that must be over by now has left its settings."""
    journal = twin["tags"].get(TAG)
    return journal is not None and now > _until(journal)


def restore(twins: ModuleTwins, module: str, run: str | None = None) -> bool:
    """Put back what the tag keeps; False when there is nothing to do, or it is not `run`'s. Raises NotPossibleError."""
    twin = twins.read(module)
    journal = twin["tags"].get(TAG)
    if journal is None or (run is not None and journal.get("run") != run):
        return False
    kept = journal.get("desired") or {}
    desired = {name: kept.get(name) for name in journal.get("names") or ()}
    twins.patch(module, desired, {TAG: None}, None)
    return True


def restore_all(
    twins: ModuleTwins, run: str | None, *, attempts: int, pause: Callable[[], None]
) -> list[str]:
    """The camera first, so that what it sent is still taken; the modules restored. Raises NotRestoredError."""
    done, problems = [], []
    for module in (CAMERA, FILTER):
        for attempt in range(attempts):
            try:
                if restore(twins, module, run):
                    done.append(module)
                break
            except NotPossibleError as error:
                if attempt + 1 == attempts:
                    problems.append(str(error))
                else:
                    pause()
    if problems:
        raise NotRestoredError(
            f"settings of the smoke test are still in force: {'; '.join(problems)}. "
            "Put them back with: scripts/smoke --restore, with the same target"
        )
    return done


def acknowledged(reported: Mapping[str, Any], change: Change) -> bool:
    """Whether the module has taken all of it. Raises NotPossibleError when it refuses a setting.

    The module answers each setting the IoT Plug and Play way: `value`, `ac` (a status), `av` (the version), `ad`.
    """
    answers = [reported.get(name) for name in change.settings]
    current = [a for a in answers if isinstance(a, Mapping) and int(a.get("av", 0)) >= change.version]
    for name, answer in zip(change.settings, answers, strict=True):
        if answer in current and isinstance(answer, Mapping) and int(answer.get("ac", 0)) >= 400:
            raise NotPossibleError(f"{change.module} refuses {name}: {answer.get('ad')}")
    return len(current) == len(change.settings)


def _until(journal: Mapping[str, Any]) -> datetime:
    try:
        return datetime.fromisoformat(str(journal.get("until")))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def _age(journal: Mapping[str, Any], now: datetime) -> str:
    until = _until(journal)
    return f"until {until:%H:%M:%S} UTC at most" if now <= until else "which should be over"
