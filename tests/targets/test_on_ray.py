"""Scores from a Ray cluster of two nodes are those of one machine. Needs .venv-ray."""

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
from tests.targets.environments import ROOT, environment, needs, python_of
from tests.targets.golden import classifier, vectors

pytestmark = needs("ray")

# A head and another node, one processor each, that end with this process, as the command is run against them.
CLUSTER = """
import json, subprocess, sys
from ray.cluster_utils import Cluster
node = dict(num_cpus=1, object_store_memory=100 << 20, node_ip_address="127.0.0.1", include_dashboard=False)
cluster = Cluster(initialize_head=True, head_node_args=node)
try:
    cluster.add_node(num_cpus=1, object_store_memory=100 << 20, node_ip_address="127.0.0.1")
    cluster.wait_for_nodes()
    command = [sys.executable, "-P", "-m", "targets.batch", *sys.argv[1:], "--address", cluster.address]
    done = subprocess.run(command, capture_output=True, text=True)
finally:
    cluster.shutdown()
sys.stderr.write(done.stderr)
import pyarrow.parquet as pq
rows = pq.read_table(sys.argv[3]).to_pylist() if done.returncode in (0, 3) else []
print(json.dumps({"code": done.returncode, "out": done.stdout, "rows": rows}))
"""


def test_two_nodes_give_the_scores_of_one_machine(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    for vector in vectors("fast"):
        (source / f"{vector.name}.png").write_bytes(vector.image)
    (source / "noise.bin").write_bytes(random_records(40))
    (source / "bad.png").write_bytes(b"no picture")
    out = tmp_path / "table"
    done = subprocess.run(
        [python_of("ray"), "-P", "-c", CLUSTER, source, "--out", out, "--json", "--actors", "2"],
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
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["code"] == 3, done.stderr
    document = json.loads(found["out"].splitlines()[-1])
    entries = list_entries(source, tmp_path / "work").entries
    assert document["pictures"] == len(entries)
    assert document["bad"] == {"count": 1, "byReason": {"unsupported_format": 1}}
    assert not (tmp_path / "table.work").exists()
    with PictureReader() as reader:
        expected = score(classifier("fast"), reader, entries)
    rows = {row["picture"]: row for row in found["rows"]}
    assert len(rows) == len(found["rows"]) == len(entries)
    for place, entry in enumerate(entries):
        row = rows[entry.name]
        if entry.name == "bad.png":
            assert (row["label"], row["error"]) == (None, "unsupported_format")
        else:
            np.testing.assert_array_equal(
                np.array(row["probabilities"], np.float32), expected.probabilities[place]
            )
    assert rows["noise.bin#11"]["truth"] == "automobile"
