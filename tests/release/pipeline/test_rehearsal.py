"""A rehearsal with steps of the test's own: what an exit code means, when devices are up, what Ctrl-C leaves."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, cast

import pytest

from release.images.record import read as read_images
from release.pipeline.local_device import DeviceError, LocalDevice
from release.pipeline.rehearsal import FAILED, INTERRUPTED, Done, Rehearsal
from release.pipeline.steps import NOT_CHECKED, PASSED, WENT_BACK, Step, rehearsal
from tests.patience import wait_for
from tests.release.pipeline.test_promote import images

PARENT = "import subprocess, sys; sys.exit(subprocess.run(['/bin/sh', '-c', sys.argv[1]]).returncode)"
"""A step of two processes, as scripts/check is."""


def shell(
    name: str, script: str, *, outcomes: dict[int, str] | None = None, device: str | None = None
) -> Step:
    return Step(name, ["/bin/sh", "-c", script], outcomes or {0: PASSED}, device)


class Devices:
    """What came up and went down, in order; `broken` ones do not come up."""

    def __init__(self, *broken: str) -> None:
        self.broken = broken
        self.seen: list[str] = []

    def __call__(self, name: str) -> LocalDevice:
        devices = self

        class Device:
            def __enter__(self) -> Self:
                if name in devices.broken:
                    raise DeviceError(f"the device {name} did not come up: port taken")
                devices.seen.append(f"{name} up")
                return self

            def __exit__(self, *_: object) -> None:
                devices.seen.append(f"{name} down")

        return cast("LocalDevice", Device())


@pytest.fixture
def devices() -> Devices:
    return Devices()


def run(folder: Path, devices: Devices, *steps: Step, begun: Callable[[Step], Any] = print) -> list[Done]:
    told: list[Done] = []
    work = Rehearsal(folder, dict(os.environ), device=devices, begun=begun, done=told.append)
    ended = work.run(steps)
    assert ended == told
    return ended


def test_each_step_has_its_status_and_log_and_the_first_failure_ends_it(
    tmp_path: Path, devices: Devices
) -> None:
    ended = run(
        tmp_path,
        devices,
        shell("one", "echo fine"),
        shell("two", "exit 3", outcomes={0: PASSED, 3: NOT_CHECKED}),
        shell("the third", "echo oh >&2; exit 4"),
        shell("never", "touch never"),
    )
    assert [(done.step.name, done.status, done.exit_code) for done in ended] == [
        ("one", PASSED, 0),
        ("two", NOT_CHECKED, 3),
        ("the third", FAILED, 4),
    ]
    assert [done.log.name for done in ended] == ["01-one.log", "02-two.log", "03-the-third.log"]
    assert ended[2].log.read_text() == "oh\n"


def test_what_must_fail_and_does_not_is_a_failure(tmp_path: Path, devices: Devices) -> None:
    (done,) = run(tmp_path, devices, shell("break", "exit 0", outcomes={1: WENT_BACK}))
    assert done.status == FAILED


def test_a_device_is_up_for_its_steps_alone(tmp_path: Path, devices: Devices) -> None:
    def note(step: Step) -> None:
        devices.seen.append(step.name)

    run(
        tmp_path,
        devices,
        shell("a", "true"),
        shell("b", "true", device="dev"),
        shell("c", "true", device="dev"),
        shell("d", "true", device="test"),
        shell("e", "true"),
        begun=note,
    )
    assert devices.seen == ["a", "b", "dev up", "c", "d", "dev down", "test up", "e", "test down"]


def test_a_device_that_does_not_come_up_fails_its_step(tmp_path: Path) -> None:
    devices = Devices("test")
    ended = run(tmp_path, devices, shell("b", "true", device="dev"), shell("c", "true", device="test"))
    assert [(done.status, done.exit_code) for done in ended] == [(PASSED, 0), (FAILED, None)]
    assert "port taken" in ended[1].log.read_text()
    assert devices.seen == ["dev up", "dev down"]


def test_ctrl_c_reaches_every_process_of_a_step_and_takes_the_device_away(
    tmp_path: Path, devices: Devices
) -> None:
    child = f"trap 'touch {tmp_path}/child; exit 0' INT; touch {tmp_path}/ready; while :; do sleep 0.1; done"

    def interrupt() -> None:
        wait_for((tmp_path / "ready").exists, "the step to run")
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    step = Step("long", [sys.executable, "-c", PARENT, child], device="dev")
    ended = run(tmp_path, devices, step, shell("never", f"touch {tmp_path}/never"))
    thread.join()
    assert [done.status for done in ended] == [INTERRUPTED]
    assert (tmp_path / "child").exists()
    assert not (tmp_path / "never").exists()
    assert devices.seen == ["dev up", "dev down"]


def test_an_image_with_a_finding_is_not_pushed(tmp_path: Path, devices: Devices) -> None:
    """The rehearsal's own steps, each with another command: `scripts/audit` ends with 1."""
    names = []
    for step in rehearsal(["amd64", "arm32v7"], [], tmp_path):
        names.append(step.name)
        code = int(step.name == "audit images")
        assert "--push" not in step.command
        command = ["/bin/sh", "-c", f"exit {code}"]
        if FAILED in [
            done.status for done in run(tmp_path, devices, replace(step, command=command, device=None))
        ]:
            break
    assert names[-3:] == ["bills of materials amd64", "bills of materials arm32v7", "audit images"]
    assert not [name for name in names if name.startswith(("push", "promote"))]


def test_every_platform_passes_every_environment(tmp_path: Path) -> None:
    steps = list(rehearsal(["amd64", "arm32v7"], [], tmp_path))
    names = [step.name for step in steps]
    assert len(set(names)) == len(names)
    promoted = [name for name in names if name.startswith("promote")]
    assert promoted == [
        f"promote to {environment} {platform}"
        for environment in ("dev", "test", "prod")
        for platform in ("amd64", "arm32v7")
    ]
    assert {step.device for step in steps if step.device} == {
        f"{environment}-{platform}"
        for environment in ("dev", "test", "prod")
        for platform in ("amd64", "arm32v7")
    }


@pytest.mark.parametrize("name", ["break test amd64", "break the fleet amd64"])
def test_the_broken_deployment_differs_in_one_digest(tmp_path: Path, name: str) -> None:
    images().write(tmp_path / "images.amd64.json")
    (step,) = [step for step in rehearsal(["amd64"], [], tmp_path) if step.name == name]
    assert set(step.outcomes.values()) == {WENT_BACK}
    assert step.prepare is not None
    step.prepare()
    broken = read_images(Path(step.command[step.command.index("--images") + 1]))
    changed = [name for name, image in images().images.items() if broken.images[name] != image]
    assert len(changed) == 1
    assert broken.images[changed[0]].digest == f"sha256:{'0' * 64}"


def test_a_fleet_is_deployed_to_before_it_is_broken(tmp_path: Path) -> None:
    steps = list(rehearsal(["amd64"], [], tmp_path))[-3:]
    assert [step.name for step in steps] == [
        *("promote to prod amd64", "deploy to a fleet amd64", "break the fleet amd64"),
    ]
    for step in steps[1:]:
        assert "--device" not in step.command
        assert step.command[step.command.index("--target-condition") + 1] == "deviceId = 'prod-amd64'"
