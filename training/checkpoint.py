"""A training run's state on disk, outside the work tree, so that a run goes on where it was stopped.

A folder holds `progress.json` (written last, so it never names weights that are not there), the weights and
optimizer after the last whole epoch, and the weights of the best epoch.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path


class CheckpointError(Exception):
    """A checkpoint that belongs to other settings or data, or that cannot be read."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """`loss` and `accuracy` are the training's; the validation's come from images held out of it."""

    number: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


@dataclass(slots=True)
class Progress:
    """The settings' and the data's digests, and the epochs done so far."""

    settings: str
    data: str
    epochs: list[Epoch] = field(default_factory=list)

    @property
    def best(self) -> Epoch:
        return max(self.epochs, key=lambda epoch: epoch.validation_accuracy)


@dataclass(frozen=True, slots=True)
class CheckpointFolder:
    path: Path

    @property
    def best_weights(self) -> Path:
        return self.path / "best.weights.h5"

    @property
    def _progress(self) -> Path:
        return self.path / "progress.json"

    def last_model(self, epoch: int) -> Path:
        return self.path / f"epoch-{epoch:04d}.keras"

    def load(self, settings: str, data: str) -> Progress:
        """The run's progress; an empty one where none was saved.

        Raises:
            CheckpointError: the folder holds a run with other settings or data.
        """
        progress = self.saved()
        if progress is None:
            return Progress(settings, data)
        for what, ours, theirs in (("settings", settings, progress.settings), ("data", data, progress.data)):
            if ours != theirs:
                raise CheckpointError(
                    f"{self._progress}: the run there was started with other {what}; give --restart to discard it, "
                    "or --state for another folder"
                )
        return progress

    def saved(self) -> Progress | None:
        """The progress of the run that is there, whatever it is; None where there is none.

        Raises:
            CheckpointError: it cannot be read.
        """
        try:
            saved = json.loads(self._progress.read_text(encoding="utf-8"))
            return Progress(saved["settings"], saved["data"], [Epoch(**e) for e in saved["epochs"]])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise CheckpointError(
                f"{self._progress}: not a training run's progress ({error}); give --restart"
            ) from None

    def save(
        self, progress: Progress, save_model: Callable[[Path], None], save_weights: Callable[[Path], None]
    ) -> None:
        """Write the model of the last epoch, the best weights if that was the best, then the progress."""
        self.path.mkdir(parents=True, exist_ok=True)
        number = progress.epochs[-1].number
        self._replace(self.last_model(number), save_model)
        if progress.best.number == number:
            self._replace(self.best_weights, save_weights)
        self._replace(self._progress, lambda path: _write_json(path, progress))
        for old in self.path.glob("epoch-*.keras"):
            if old != self.last_model(number):
                old.unlink()

    def discard(self) -> None:
        """Forget the run."""
        for path in (self._progress, self.best_weights, *self.path.glob("epoch-*.keras")):
            path.unlink(missing_ok=True)

    def _replace(self, target: Path, write: Callable[[Path], None]) -> None:
        # Keras picks the format by the suffix, so the marker goes in front
        partial = target.with_name(f"partial-{target.name}")
        write(partial)
        partial.replace(target)


def default_folder(name: str) -> CheckpointFolder:
    """`$XDG_STATE_HOME/edge-vision/training/NAME`."""
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return CheckpointFolder(state / "edge-vision" / "training" / name)


def _write_json(path: Path, progress: Progress) -> None:
    path.write_text(json.dumps(asdict(progress), indent=1) + "\n", encoding="utf-8")
