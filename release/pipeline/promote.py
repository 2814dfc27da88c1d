"""Take a release into an environment: deploy its digests, test them there, go back when the test fails."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from release.pipeline.record import Release

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[[Sequence[str]], int]
"""Runs a command and returns its exit code; its output goes where ours goes."""


class PromotionError(Exception):
    """The release is not in the environment. The message says what the devices have."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where to: one device, or an automatic deployment for all that `condition` and the platform's tag mean.

    `state`: of a device that runs on this machine. `smoke_device` is the one that is tested, of Azure's.
    """

    device: str | None = None
    condition: str | None = None
    smoke_device: str | None = None
    state: Path | None = None

    def of(self, platform: str, environment: str) -> list[str]:
        """The arguments of scripts/deploy. Devices of one condition may be of several architectures: a tag tells."""
        if self.device:
            return ["--device", self.device, *self._local]
        condition = f"({self.condition}) AND tags.platform='{platform}'"
        return [
            "--target-condition",
            condition,
            "--name",
            f"edge-vision-{environment}-{platform}",
            *self._local,
        ]

    @property
    def tested(self) -> list[str]:
        """The arguments of scripts/smoke."""
        device = self.smoke_device or self.device
        return self._local or (["--device", device] if device else [])

    def told(self, platform: str) -> str:
        """In words, for the record."""
        return f"device {self.device}" if self.device else f"{self.condition}, platform {platform}"

    @property
    def _local(self) -> list[str]:
        return ["--state", str(self.state)] if self.state else []


def run(command: Sequence[str]) -> int:
    """With our standard streams. An interruption is handed on once, and its end is waited for: it puts things back."""
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    try:
        return process.wait()
    except KeyboardInterrupt:
        os.killpg(process.pid, signal.SIGINT)
        process.wait()
        raise


def promote(release: Release, target: str, platform: str, place: Place, execute: Run = run) -> None:
    """Deploy and test; the release notes that it passed. Raises PromotionError."""
    where = place.of(platform, target)
    deploy = [str(ROOT / "scripts" / "deploy"), "--env", target, "--yes", *where]
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / f"images.{platform}.json"
        release.images[platform].write(images)
        code = execute([*deploy, "--platform", platform, "--images", str(images)])
    if code:
        raise PromotionError(
            f"{release.version} is not in {target}: scripts/deploy ended with exit code {code}"
        )
    code = execute([str(ROOT / "scripts" / "smoke"), *place.tested])
    if code:
        told = f"{release.version} was deployed to {target}, and scripts/smoke ended with exit code {code}"
        # What the release added ends with it: that is meant.
        back = execute([*deploy, "--restore", "--remove"])
        raise PromotionError(
            f"{told}; "
            + ("going back failed: see above" if back else f"{target} runs the deployment of before again")
        )
    release.passed(target, platform, place.told(platform))
