"""Run the steps of a release one after the other, each with its time; the first failure ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from release.images.record import RecordError
from release.pipeline.local_device import LocalDevice
from release.pipeline.steps import Step

ROOT = Path(__file__).resolve().parents[2]
FAILED, INTERRUPTED = "failed", "interrupted"
_ENDS_WITHIN_S = 60


@dataclass(frozen=True, slots=True)
class Done:
    """A step's end. `exit_code` is None when its device did not come up, or it was interrupted."""

    step: Step
    status: str
    seconds: float
    exit_code: int | None
    log: Path


class Rehearsal:
    """`begun` and `done` are told as it goes; a device is up for as long as steps in a row want it."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        *,
        device: Callable[[str], LocalDevice],
        begun: Callable[[Step], None],
        done: Callable[[Done], None],
    ) -> None:
        self._folder = folder
        self._environment = environment
        self._device = device
        self._begun = begun
        self._done = done

    def run(self, steps: Iterable[Step]) -> list[Done]:
        """What was done, to the first step that failed or was interrupted."""
        ended: list[Done] = []
        with ExitStack() as stack:
            up: str | None = None
            for number, step in enumerate(steps, 1):
                self._begun(step)
                started = time.monotonic()
                log = self._folder / f"{number:02}-{step.name.replace(' ', '-')}.log"
                code: int | None = None
                try:
                    if step.device != up:
                        stack.close()
                        up = step.device
                        if up is not None:
                            stack.enter_context(self._device(up))
                    if step.prepare is not None:
                        step.prepare()
                    code = self._execute(step.command, log)
                    status = step.outcomes.get(code, FAILED)
                except KeyboardInterrupt:
                    status = INTERRUPTED
                except (OSError, RecordError) as error:
                    log.write_text(str(error))
                    status = FAILED
                ended.append(Done(step, status, time.monotonic() - started, code, log))
                self._done(ended[-1])
                if status in {FAILED, INTERRUPTED}:
                    break
        return ended

    def _execute(self, command: Sequence[str], log: Path) -> int:
        """The exit code. A Ctrl-C reaches all of its processes, which get time to tidy up."""
        with log.open("wb") as output:
            process = subprocess.Popen(
                [str(ROOT / command[0]), *command[1:]],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                return process.wait()
            except KeyboardInterrupt:
                os.killpg(process.pid, signal.SIGINT)
                try:
                    process.wait(_ENDS_WITHIN_S)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
                raise
