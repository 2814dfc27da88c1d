"""The flight plan as a ConfigMap has it: a change of the file changes who answers, and no request fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from image_classifier.bundle import load_bundle
from tests.e2e.device import ROOT
from tests.e2e.image_suite import Tell
from tests.e2e.serve.load import load
from tests.e2e.serve.replicas import KEYS, PORT, Replicas

SHIPPED = ROOT / "targets/kubernetes/components/flighting/flight.json"


def put(folder: Path, plan: dict[str, Any], name: str) -> None:
    """As the kubelet does: a folder of its own for each content, behind a link that is swapped."""
    (folder / name).mkdir(mode=0o755)
    (folder / name / "flight.json").write_text(json.dumps(plan))
    (folder / name / "flight.json").chmod(0o644)
    (folder / "..fresh").symlink_to(name)
    (folder / "..fresh").rename(folder / "..data")
    if not (folder / "flight.json").is_symlink():
        (folder / "flight.json").symlink_to("..data/flight.json")


def test_a_changed_plan_changes_who_answers(flown: Replicas, picture: bytes, tell: Tell) -> None:
    plan = json.loads(SHIPPED.read_text())
    put(flown.folders["flight"], plan, "..first")
    container = flown.start("replica-1")
    versions = {name: load_bundle(name).version for name in ("fast", "accurate")}
    with load(f"http://{flown.address('replica-1')}:{PORT}/score", picture, KEYS["primary"]) as tally:
        flown.wait(lambda: tally.versions[versions["fast"]] > 20, "fast answers")
        assert set(tally.versions) == {versions["fast"]}
        changed = [{**one, "percent": 100 - one["percent"]} for one in plan["variants"]]
        put(flown.folders["flight"], {**plan, "variants": changed}, "..second")
        flown.wait(lambda: tally.versions[versions["accurate"]] > 20, "accurate answers")
        measured: Any = container.stats(stream=False)
    assert tally.failures == []
    tell(f"memory with two bundles: {measured['memory_stats']['usage'] // 1024**2} MiB")
