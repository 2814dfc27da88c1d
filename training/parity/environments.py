"""Asking a runtime that lives in a virtual environment of its own, in a child process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from image_classifier.bundle import Bundle
from training.parity.answers import Answers

ROOT = Path(__file__).parents[2]


class NotAskedError(Exception):
    """A runtime that could not be asked; the message says why and what would mend it."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment and its lock file, as `scripts/venv` takes them."""

    folder: str
    lock: str

    def ask(self, module: str, bundle: Bundle, *options: str) -> Answers:
        """Run `python -m MODULE BUNDLE --out FILE OPTIONS` there and read its answers.

        Raises:
            NotAskedError: the environment cannot be made, or the child fails.
        """
        with tempfile.TemporaryDirectory(prefix="parity-") as folder:
            out = Path(folder, "answers.npz")
            command = [self._python(), "-m", module, str(bundle.folder), "--out", str(out), *options]
            environment = os.environ | {
                "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'libs'}",
                "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"),
            }
            run_shown(command, f"{module} in {self.folder}", environment)
            return Answers.load(out)

    def _python(self) -> str:
        command = [str(ROOT / "scripts" / "venv"), self.folder, self.lock]
        made = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603
        if made.returncode:
            raise NotAskedError(f"scripts/venv {self.folder} {self.lock}: exit code {made.returncode}")
        return made.stdout.strip()


def run_shown(command: Sequence[str | Path], name: str, environment: dict[str, str] | None = None) -> None:
    """Run a command whose standard error the user sees, line by line as it comes.

    Raises:
        NotAskedError: it cannot be run or fails; the message has the last line that it wrote.
    """
    last = ""
    try:
        child = subprocess.Popen(  # noqa: S603 - our own modules, or docker
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
    except OSError as error:
        raise NotAskedError(f"{name}: {error.strerror}: {command[0]}") from None
    with child:
        for line in child.stderr or ():
            sys.stderr.write(line)
            last = line.strip() or last
    if child.returncode:
        raise NotAskedError(f"{name}: {last or f'exit code {child.returncode}'}")


TFLITE = Environment(".venv-tflite", "requirements/tflite.txt")
TRAINING = Environment(".venv-train", "requirements/train.txt")
