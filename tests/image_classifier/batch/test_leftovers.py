"""What a kill while work is thrown away leaves is never taken for work that is done. Needs .venv-batch."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from image_classifier.batch import journal as journals
from tests.data import random_records
from tests.image_classifier.batch.test_score_command import needs_pyarrow, python, rows, score

INTERRUPTED = Path(__file__).with_name("interrupted.py")


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """The work of another input of as many pictures, all of whose parts are there."""
    (tmp_path / "old.bin").write_bytes(random_records(8))
    out = tmp_path / "results.parquet"
    python(
        INTERRUPTED, "SIGKILL", "before", "9", "score", tmp_path / "old.bin", "--out", out, "--workers", "1"
    )
    work = journals.work_folder(out)
    assert len(list(work.glob("part-*.arrow"))) == 8
    (tmp_path / "new.bin").write_bytes(random_records(8))
    return work


def scores_of_the_new_input(work: Path) -> int:
    out = work.with_name("results.parquet")
    done = score(work.with_name("new.bin"), "--out", out, "--workers", "1", "--json")
    assert done.code == 0, done.errors
    assert [row["picture"] for row in rows(out)] == [f"new.bin#{number}" for number in range(8)]
    assert not work.exists()
    taken_up: int = json.loads(done.out)["takenUp"]
    return taken_up


@needs_pyarrow
def test_parts_without_their_journal_are_removed(left: Path) -> None:
    (left / "journal.jsonl").unlink()
    assert scores_of_the_new_input(left) == 0


@needs_pyarrow
def test_parts_of_another_journal_are_scored_again(left: Path, tmp_path: Path) -> None:
    """As when the disk lost the order of what was removed and written."""
    old = [shutil.copy(part, tmp_path) for part in left.glob("part-*.arrow")]
    shutil.rmtree(left)
    new = ("score", tmp_path / "new.bin", "--out", tmp_path / "results.parquet", "--workers", "1")
    python(INTERRUPTED, "SIGKILL", "after", "3", *new)
    for part in old:
        shutil.copy(part, left)
    assert scores_of_the_new_input(left) == 0


@needs_pyarrow
def test_a_finished_table_is_not_replaced_unasked(left: Path) -> None:
    out = left.with_name("results.parquet")
    for leftover in left.iterdir():
        if leftover.name != "lock":
            leftover.unlink()
    out.write_bytes(b"finished")
    refused = score(left.with_name("new.bin"), "--out", out)
    assert (refused.code, refused.errors) == (
        1,
        f"{out}: exists; --restart scores anew and replaces it, or name another file",
    )
    assert out.read_bytes() == b"finished"


def test_the_journal_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("journal.jsonl", "lock", "part-00000000.arrow", "0.tar"):
        (tmp_path / name).touch()
    removed: list[str] = []
    true_unlink = Path.unlink

    def unlink(self: Path, missing_ok: bool = False) -> None:
        removed.append(self.name)
        true_unlink(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    journals.clear(tmp_path)
    assert removed[0] == "journal.jsonl"
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]
