"""One run at a time holds the folder of work, from its beginning until it is gone."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from image_classifier.batch import job, table
from image_classifier.batch import journal as journals
from image_classifier.batch.errors import BatchError
from image_classifier.bundle import Bundle
from tests.data import random_records


@pytest.fixture
def ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Input and output of runs that do not come to their scores: only the folder of work is looked at."""
    source = tmp_path / "a.bin"
    source.write_bytes(random_records(1))

    def run(
        _bundle: Bundle, _source: Path, _out: Path, _workers: int, folder: Path, _progress: object
    ) -> str:
        (folder / "part-00000000.arrow").touch()
        return "done"

    monkeypatch.setattr(table, "check_extra", lambda: None)
    monkeypatch.setattr(job, "_run", run)
    return source, tmp_path / "r.parquet"


@pytest.mark.parametrize("restart", [False, True])
def test_what_is_thrown_away_is_held_until_it_is_gone(
    tiny_bundle: Bundle, ready: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, restart: bool
) -> None:
    refused: list[str] = []
    true_clear = journals.clear

    def clear(folder: Path) -> None:
        with pytest.raises(BatchError) as error, journals.locked(folder):
            refused.append("a second run took the folder that the first one removes")
        refused.append(str(error.value))
        true_clear(folder)

    monkeypatch.setattr(journals, "clear", clear)
    source, out = ready
    job.run(tiny_bundle, source, out, 1, restart=restart, progress=lambda *_: None)
    work = journals.work_folder(out)
    assert refused == [f"{work}: another run is at work there; wait for it, or end it"] * (1 + restart)
    assert not work.exists()


def test_a_lock_that_was_removed_before_it_was_got_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "r.work"
    true_flock = fcntl.flock

    def flock(*arguments: object) -> None:
        (work / "lock").unlink()  # the first run ends between a second one's opening and locking
        true_flock(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(fcntl, "flock", flock)
    with (
        pytest.raises(BatchError, match="another run has just ended there; run the same command again"),
        journals.locked(work),
    ):
        pass


def test_a_folder_that_the_next_run_has_already_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "r.work"
    true_unlink = Path.unlink

    def unlink(self: Path, missing_ok: bool = False) -> None:
        true_unlink(self, missing_ok)
        if self.name == "lock":
            self.touch()  # the next run's

    with journals.locked(work):
        monkeypatch.setattr(Path, "unlink", unlink)
        journals.discard(work)
    assert [path.name for path in work.iterdir()] == ["lock"]
