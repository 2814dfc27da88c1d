"""A run goes on where it was stopped, whenever that was, and never on another run's weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.checkpoint import CheckpointError, CheckpointFolder, Epoch, Progress, default_folder


def epoch(number: int, accuracy: float) -> Epoch:
    return Epoch(number, 1.0, 0.5, 1.0, accuracy, 2.0)


class Run:
    """Writes files in the place of Keras; what is written names the epoch."""

    def __init__(self, folder: Path) -> None:
        self.folder = CheckpointFolder(folder)
        self.progress = self.folder.load("settings", "data")

    def epoch(self, accuracy: float, *, dies_in: str | None = None) -> None:
        number = len(self.progress.epochs) + 1
        self.progress.epochs.append(epoch(number, accuracy))

        def write(kind: str) -> None:
            if dies_in == kind:
                raise KeyboardInterrupt

        def model(path: Path) -> None:
            path.write_text(f"half of {number}")
            write("model")
            path.write_text(f"model {number}")

        def weights(path: Path) -> None:
            path.write_text(f"half of {number}")
            write("weights")
            path.write_text(f"weights {number}")

        self.folder.save(self.progress, model, weights)


def test_a_run_goes_on_after_its_last_epoch(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.epoch(0.4)
    run.epoch(0.6)
    run.epoch(0.5)
    later = Run(tmp_path)
    assert [e.number for e in later.progress.epochs] == [1, 2, 3]
    assert later.progress.best.number == 2
    assert later.folder.last_model(3).read_text() == "model 3"
    assert later.folder.best_weights.read_text() == "weights 2"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "best.weights.h5", "epoch-0003.keras", "progress.json",
    ]  # fmt: skip


@pytest.mark.parametrize("moment", ["model", "weights"])
def test_a_run_that_dies_while_saving_goes_on_from_the_epoch_before(moment: str, tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.epoch(0.4)
    with pytest.raises(KeyboardInterrupt):
        run.epoch(0.6, dies_in=moment)
    later = Run(tmp_path)
    assert [e.number for e in later.progress.epochs] == [1]
    assert later.folder.last_model(1).read_text() == "model 1"
    assert later.folder.best_weights.read_text() == "weights 1"


@pytest.mark.parametrize(
    ("settings", "data", "what"), [("other", "data", "settings"), ("settings", "other", "data")]
)
def test_another_runs_weights_are_refused(settings: str, data: str, what: str, tmp_path: Path) -> None:
    Run(tmp_path).epoch(0.4)
    with pytest.raises(CheckpointError, match=f"started with other {what}; give --restart"):
        CheckpointFolder(tmp_path).load(settings, data)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"settings": "a", "data": "b", "epochs": [{"x": 1}]}'])
def test_a_damaged_progress_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "progress.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"progress\.json: not a training run's progress"):
        CheckpointFolder(tmp_path).load("settings", "data")


def test_discarding_begins_anew(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.epoch(0.4)
    (tmp_path / "notes.txt").write_text("mine")
    run.folder.discard()
    assert run.folder.load("others", "others") == Progress("others", "others")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_checkpoints_lie_outside_the_work_tree(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_folder("seed").path == tmp_path / "edge-vision" / "training" / "seed"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/home/someone")
    assert default_folder("seed").path == Path("/home/someone/.local/state/edge-vision/training/seed")
