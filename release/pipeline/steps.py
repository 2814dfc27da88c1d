"""The steps of a release, each a command of `scripts/`: what the pipelines run, and what a rehearsal runs here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from release.images.record import read as read_images
from release.pipeline.record import ENVIRONMENTS

PASSED, NOT_CHECKED, WENT_BACK = "passed", "not checked", "went back"


@dataclass(frozen=True, slots=True)
class Step:
    """`outcomes`: what an exit code means; one that is not there is a failure.

    `device` runs while the command does; `prepare` is called right before it.
    """

    name: str
    command: Sequence[str]
    outcomes: Mapping[int, str] = field(default_factory=lambda: {0: PASSED})
    device: str | None = None
    prepare: Callable[[], None] | None = None


_AUDITED = {0: PASSED, 3: NOT_CHECKED}
"""A rehearsal goes on where no advisory database can be reached, and says so; a pipeline does not."""


def rehearsal(platforms: Sequence[str], tests: Sequence[str], folder: Path) -> Iterator[Step]:
    """The whole chain with the local registry and, for each environment and platform, a device of this machine.

    `tests` are paths for scripts/test; without any, all that needs no images is tested. `folder` takes what they
    write. After the second environment a deployment is broken on purpose, after the last one
    an automatic deployment.
    """
    yield Step("check", ["scripts/check"])
    yield Step("version", ["scripts/version", "--check"])
    yield Step("audit locks", ["scripts/audit"], _AUDITED)
    yield Step("test", ["scripts/test", *tests])
    if not tests:
        yield Step("test deployments", ["scripts/test-deploy"])
        yield Step("test the page", ["scripts/test-page"])
        yield Step("test containers", ["scripts/test-docker"])
        yield Step("test targets", ["scripts/test-targets"])
    records = {platform: folder / f"images.{platform}.json" for platform in platforms}
    yield from _images(records, folder / "sbom")
    for place, environment in enumerate(ENVIRONMENTS):
        for platform in platforms:
            yield _promotion(environment, platform, records, folder)
        if place == 1:
            for platform in platforms:
                yield from _rollback(environment, platform, records[platform], folder)
        if place == len(ENVIRONMENTS) - 1:
            for platform in platforms:
                yield from _fleet(environment, platform, records[platform], folder)


def _images(records: Mapping[str, Path], bills: Path) -> Iterator[Step]:
    for platform, record in records.items():
        build = ["scripts/build", "--platform", platform, "--version-from-content", "--published"]
        yield Step(f"build {platform}", [*build, "--record", str(record)])
    for platform, record in records.items():
        command = ["scripts/sbom", "--record", str(record), "--folder", str(bills)]
        yield Step(f"bills of materials {platform}", command)
    yield Step("audit images", ["scripts/audit", str(bills)], _AUDITED)
    # Not before: what has a finding never reaches a registry.
    for platform, record in records.items():
        yield Step(f"push {platform}", ["scripts/push", "--record", str(record)])


def device_of(environment: str, platform: str) -> str:
    """The name of the device that stands for an environment's."""
    return f"{environment}-{platform}"


def _promotion(environment: str, platform: str, records: Mapping[str, Path], folder: Path) -> Step:
    device = device_of(environment, platform)
    place = ["--device", device, "--state", str(folder / device), "--platform", platform, "--dirty"]
    command = ["scripts/promote", "--to", environment, "--release", str(folder / "release.json"), *place]
    if environment == ENVIRONMENTS[0]:
        command += [word for record in records.values() for word in ("--images", str(record))]
    else:
        command += ["--from", ENVIRONMENTS[ENVIRONMENTS.index(environment) - 1]]
    return Step(f"promote to {environment} {platform}", command, device=device)


def _rollback(environment: str, platform: str, record: Path, folder: Path) -> Iterator[Step]:
    """A deployment with an image that no registry has ends with the last good one, which passes its test again."""
    device = device_of(environment, platform)
    state = ["--state", str(folder / device)]
    broken = folder / f"broken.{platform}.json"
    images = ["--platform", platform, "--images", str(broken), "--patience", "20"]
    yield Step(
        f"break {environment} {platform}",
        ["scripts/deploy", "--env", environment, "--yes", "--device", device, *state, *images],
        {1: WENT_BACK, 5: WENT_BACK},
        device,
        lambda: _break(record, broken),
    )
    yield Step(f"test what came back {platform}", ["scripts/smoke", *state], device=device)


def _fleet(environment: str, platform: str, record: Path, folder: Path) -> Iterator[Step]:
    """The same as an automatic deployment for all devices of a condition, and one that breaks and is taken back."""
    device = device_of(environment, platform)
    broken = folder / f"broken.{platform}.json"
    deploy = ["scripts/deploy", "--env", environment, "--yes", "--state", str(folder / device)]
    deploy += ["--target-condition", f"deviceId = '{device}'", "--priority", "30", "--platform", platform]
    yield Step(f"deploy to a fleet {platform}", [*deploy, "--images", str(record)], device=device)
    yield Step(
        f"break the fleet {platform}",
        [*deploy, "--images", str(broken), "--patience", "20"],
        {1: WENT_BACK, 5: WENT_BACK},
        device,
        lambda: _break(record, broken),
    )


def _break(record: Path, broken: Path) -> None:
    """The same images, but for one digest that no registry has."""
    good = read_images(record)
    name = min(good.images)
    missing = good.images[name].model_copy(update={"digest": f"sha256:{'0' * 64}"})
    good.model_copy(update={"images": {**good.images, name: missing}}).write(broken)
