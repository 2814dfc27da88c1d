"""`metrics`, with what a run writes."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.patience import wait_for
from tests.supervisor.conftest import Run, Solution, command

Start = Callable[..., Run]


def test_every_address_is_a_target_that_answers(
    solution: Solution, run: Start, state: Path, loopback: str
) -> None:
    solution.add("camera")
    run("--without", "camera", hub=None)
    wait_for((state / "endpoints.json").exists)
    told = json.loads((state / "endpoints.json").read_text())["metrics"]
    shown = command(state, "metrics", "--file-sd")
    assert (shown.returncode, shown.stderr) == (0, "")
    groups = json.loads(shown.stdout)
    assert {group["labels"]["module"]: group["targets"] for group in groups} == {
        module: [address] for module, address in told.items()
    }
    assert {"edgeAgent", "edgeHub"} <= told.keys()
    assert {group["labels"]["edge_device"] for group in groups} == {"edge"}
    hub = next(group for group in groups if group["labels"]["module"] == "edgeHub")
    with urllib.request.urlopen(f"http://{hub['targets'][0]}/metrics") as answer:
        families = {family.name for family in text_string_to_metric_families(answer.read().decode())}
    assert "edgehub_queue_length" in families

    table = command(state, "metrics").stdout
    assert all(module in table and f"http://{address}/metrics" in table for module, address in told.items())


def test_a_device_that_does_not_run(tmp_path: Path) -> None:
    shown = command(tmp_path, "metrics", "--file-sd")
    assert shown.returncode == 1
    assert f"no device runs in {tmp_path}" in shown.stderr
    assert shown.stdout == ""
