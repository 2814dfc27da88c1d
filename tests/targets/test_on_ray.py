"""Scores from Ray's own scheduler and workers are those of one process. Needs .venv-ray."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from image_classifier.batch.entries import list_entries
from image_classifier.batch.journal import locked, work_folder
from image_classifier.batch.reading import PictureReader
from image_classifier.batch.scoring import score
from tests.data import random_records
from tests.patience import PATIENCE_S
from tests.targets.environments import ROOT, environment, needs, python_of, run
from tests.targets.golden import classifier, vectors

pytestmark = needs("ray")

ROWS = "import json, sys, pyarrow.parquet as p; json.dump(p.read_table(sys.argv[1]).to_pylist(), sys.stdout)"


def on_ray(program: Sequence[str | Path], source: Path, out: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python_of("ray"), "-P", *program, source, "--out", out, "--json", "--actors", "2"],
        env=environment(
            PYTHONPATH=os.pathsep.join((str(ROOT), str(ROOT / "libs"))),
            HOME=str(out.parent),
            RAY_USAGE_STATS_ENABLED="0",
        ),
        cwd=out.parent,
        capture_output=True,
        text=True,
        timeout=5 * PATIENCE_S,
        check=False,
    )


def test_two_actors_give_the_scores_of_one_process(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    for vector in vectors("fast"):
        (source / f"{vector.name}.png").write_bytes(vector.image)
    (source / "noise.bin").write_bytes(random_records(40))
    (source / "bad.png").write_bytes(b"no picture")
    out = tmp_path / "table"
    resumable = work_folder(out)
    resumable.mkdir()
    (resumable / "journal.jsonl").write_text("hours of scripts/score's work")
    done = on_ray(("-m", "targets.batch"), source, out)
    assert done.returncode == 3, done.stderr
    document = json.loads(done.stdout.splitlines()[-1])
    found = json.loads(run("ray", "-c", ROWS, out, cwd=tmp_path))
    entries = list_entries(source, tmp_path / "work").entries
    assert document["pictures"] == len(entries)
    assert document["bad"] == {"count": 1, "byReason": {"unsupported_format": 1}}
    assert sorted(path.name for path in tmp_path.glob("table*")) == ["table", "table.work"]
    assert (resumable / "journal.jsonl").read_text() == "hours of scripts/score's work"
    with PictureReader() as reader:
        expected = score(classifier("fast"), reader, entries)
    rows = {row["picture"]: row for row in found}
    assert len(rows) == len(found) == len(entries)
    for place, entry in enumerate(entries):
        row = rows[entry.name]
        if entry.name == "bad.png":
            assert (row["label"], row["error"]) == (None, "unsupported_format")
        else:
            np.testing.assert_array_equal(
                np.array(row["probabilities"], np.float32), expected.probabilities[place]
            )
    assert rows["noise.bin#11"]["truth"] == "automobile"


def test_a_run_under_way_is_not_disturbed(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(random_records(1))
    work = tmp_path / "table.ray.work"
    with locked(work):
        (work / "0.tar").touch()
        refused = on_ray(("-m", "targets.batch"), tmp_path / "a.bin", tmp_path / "table")
        assert (work / "0.tar").exists()
    assert (refused.returncode, refused.stderr) == (
        1,
        f"{work}: another run is at work there; wait for it, or end it\n",
    )


@pytest.mark.parametrize(
    ("way", "told"), [("die", "Ray gave up: ActorDiedError"), ("fill", "OSError: [Errno 28] No space left")]
)
def test_what_no_retry_mends_ends_the_run(tmp_path: Path, way: str, told: str) -> None:
    (tmp_path / "a.bin").write_bytes(random_records(1))
    deadly = Path(__file__).with_name("deadly_actor.py")
    ended = on_ray((deadly, way), tmp_path / "a.bin", tmp_path / "table")
    assert ended.returncode == 1, ended.stderr
    assert told in ended.stderr.splitlines()[-1]
    assert not list(tmp_path.glob("table*"))
