"""Scores from Ray's own scheduler and workers are those of one process. Needs .venv-ray."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np

from image_classifier.batch.entries import list_entries
from image_classifier.batch.reading import PictureReader
from image_classifier.batch.scoring import score
from tests.data import random_records
from tests.patience import PATIENCE_S
from tests.targets.environments import ROOT, environment, needs, python_of, run
from tests.targets.golden import classifier, vectors

pytestmark = needs("ray")

ROWS = "import json, sys, pyarrow.parquet as p; json.dump(p.read_table(sys.argv[1]).to_pylist(), sys.stdout)"


def test_two_actors_give_the_scores_of_one_process(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    for vector in vectors("fast"):
        (source / f"{vector.name}.png").write_bytes(vector.image)
    (source / "noise.bin").write_bytes(random_records(40))
    (source / "bad.png").write_bytes(b"no picture")
    out = tmp_path / "table"
    done = subprocess.run(
        [python_of("ray"), "-P", "-m", "targets.batch", source, "--out", out, "--json", "--actors", "2"],
        env=environment(
            PYTHONPATH=os.pathsep.join((str(ROOT), str(ROOT / "libs"))),
            HOME=str(tmp_path),
            RAY_USAGE_STATS_ENABLED="0",
        ),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=5 * PATIENCE_S,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    document = json.loads(done.stdout.splitlines()[-1])
    found = json.loads(run("ray", "-c", ROWS, out, cwd=tmp_path))
    entries = list_entries(source, tmp_path / "work").entries
    assert document["pictures"] == len(entries)
    assert document["bad"] == {"count": 1, "byReason": {"unsupported_format": 1}}
    assert not (tmp_path / "table.work").exists()
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
