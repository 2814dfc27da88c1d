from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from serving.flighting.state import Report, StateFolder
from serving.flighting.status import status
from serving.flighting.tally import Tally
from serving.flighting.verdict import Verdict
from tests.serving.flighting.documents import decided, plan


def test_the_status_tells_the_plan_the_numbers_and_the_workers_that_are_there(tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    state = StateFolder(tmp_path)
    state.decide(decided(plan(90, 10), 2, rolled_back={"v1": Verdict("errorRate", 0.5, 0.05, 100)}))
    state.report(Report(worker="a", pid=os.getpid(), revision=2, tallies={"v1": Tally(failed=50)}))
    state.report(Report(worker="b", pid=gone.pid, revision=2, tallies={"v1": Tally(answered=50)}))
    told = json.loads(json.dumps(status(state)))
    assert told["revision"] == 2
    assert told["plan"]["primary"] == "v0"
    assert told["refused"] is None
    assert told["workers"] == [{"worker": "a", "revision": 2, "failed": None}]
    candidate = told["variants"]["v1"]
    assert (candidate["bundle"], candidate["version"], candidate["percent"]) == ("bundle1", "1.0.0", 10)
    assert (candidate["counted"]["failed"], candidate["counted"]["answered"]) == (50, 50)
    assert candidate["rolledBack"]["cause"] == "errorRate"
    assert told["variants"]["v0"]["rolledBack"] is None
