"""The dashboard, the rules and Prometheus' configuration, without a device."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.device import TEMPLATE
from tests.monitoring.queries import FOLDER, documents, read
from tests.patience import PATIENCE_S

UNIT_TESTS = sorted(Path(__file__).parent.glob("*.test.yml"))
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text())


def promtool(*arguments: str, cwd: Path = FOLDER) -> subprocess.CompletedProcess[str]:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed (apt-get install -y prometheus)")
    return subprocess.run(
        [program, *arguments], cwd=cwd, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def test_grafana_knows_every_field_of_the_dashboard() -> None:
    assert documents()["unknown"] == []


def test_a_field_that_grafana_does_not_know_is_seen(tmp_path: Path) -> None:
    changed = json.loads(json.dumps(DASHBOARD))
    changed["panels"][1]["fieldConfig"]["defaults"]["unitt"] = "s"
    (tmp_path / "dashboard.json").write_text(json.dumps(changed))
    shutil.copy(FOLDER / "alerts.yml", tmp_path)
    assert read(tmp_path)["unknown"] == [".panels[1].fieldConfig.defaults.unitt"]


def test_every_query_asks_the_data_source_that_was_chosen() -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    for panel in DASHBOARD["panels"]:
        if panel["type"] != "row":
            assert panel["datasource"] == chosen, panel["title"]
            assert panel["targets"], panel["title"]
            assert all(target["datasource"] == chosen for target in panel["targets"]), panel["title"]
            assert panel["description"], panel["title"]
    kinds = {variable["name"]: variable["type"] for variable in DASHBOARD["templating"]["list"]}
    assert kinds == {"datasource": "datasource", "device": "query"}


def test_panels_stand_beside_each_other() -> None:
    taken: Counter[tuple[int, int]] = Counter()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        taken.update(
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        )
    assert max(taken.values()) == 1
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(numbers) == len(set(numbers))


def test_what_a_legend_or_a_text_shows_is_left_by_the_aggregation() -> None:
    for query in documents()["queries"]:
        assert query["result"] is None or set(query["wanted"]) <= set(query["result"]), query["place"]
    assert sum(len(query["wanted"]) for query in documents()["queries"]) > 50


def test_prometheus_takes_the_configuration_and_the_rules(tmp_path: Path) -> None:
    for name in ("prometheus.yml", "alerts.yml"):
        shutil.copy(FOLDER / name, tmp_path)
    (tmp_path / "targets.json").write_text("[]")
    done = promtool("check", "config", "prometheus.yml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr


def test_every_rule_fires_when_it_should_and_only_then() -> None:
    done = promtool("test", "rules", *map(str, UNIT_TESTS))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_has_a_test_with_somebody_who_is_well() -> None:
    blocks = [block for file in UNIT_TESTS for block in file.read_text().split("  - name: ")[1:]]
    rules = re.findall(r"- alert: (\w+)", (FOLDER / "alerts.yml").read_text())
    assert {block.split("\n", 1)[0] for block in blocks} == set(rules)
    assert len(rules) == len(set(rules))
    for block in blocks:
        name = block.split("\n", 1)[0]
        assert f"alertname: {name}\n" in block
        assert '"bad' in block.partition("exp_alerts")[2], name
        assert '"good' in block.partition("exp_alerts")[0], name


def test_the_guide_names_every_module_of_the_solution_for_the_metrics_collector() -> None:
    content = json.loads(TEMPLATE.read_text())["modulesContent"]["$edgeAgent"]["properties.desired"]
    modules = [*content["systemModules"], *content["modules"]]
    (told,) = re.findall(r"^MetricsEndpointsCSV=(\S+)$", (FOLDER / "README.md").read_text(), re.MULTILINE)
    assert sorted(told.split(",")) == sorted(f"http://{module}:9600/metrics" for module in modules)


def test_every_metric_of_the_guide_is_asked_for_by_a_panel() -> None:
    asked = {selector["metric"] for query in documents()["queries"] for selector in query["selectors"]}
    table = (FOLDER / "README.md").read_text().partition("| figure |")[2]
    told = set(re.findall(r"`([a-z][A-Za-z]+_\w+)", table))
    assert len(told) > 25
    endings = ("", "_bucket", "_sum")
    assert [name for name in told if not any(f"{name}{ending}" in asked for ending in endings)] == []
