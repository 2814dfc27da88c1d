from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from image_classifier.bundle import find_bundle, load_bundle
from image_classifier.errors import BundleError
from serving.flighting.bundles import check_all
from serving.flighting.plan import PlanError
from serving.flighting.start import begin, loaded
from serving.flighting.state import FoundBundle
from tests.image_classifier.tiny_model import make_bundle
from tests.serving.flighting.documents import document, plan


def flown(tmp_path: Path, *bundles: str | Path) -> dict[str, Any]:
    shares = [100, *[0] * (len(bundles) - 1)]
    found = document(*shares)
    for variant, bundle in zip(found["variants"], bundles, strict=True):
        variant["bundle"] = str(bundle)
    (tmp_path / "flight.json").write_text(json.dumps(found))
    return found


def test_the_first_plan_is_decided_and_its_folder_goes_with_the_service(tmp_path: Path) -> None:
    flown(tmp_path, "fast", "accurate")
    with begin(tmp_path / "flight.json") as flights:
        assert flights.primary.name == "fast"
        assert flights.state.decided().bundles["v1"].sha256 == load_bundle("accurate").sha256
    assert not flights.state.path.exists()


def test_every_bundle_that_cannot_be_used_is_named() -> None:
    with pytest.raises(PlanError, match=r"variant v0: .*no bundle.*; variant v1: .*no bundle"):
        check_all(plan(50, 50))


def test_a_candidate_with_other_labels_is_refused(tmp_path: Path) -> None:
    odd = make_bundle(tmp_path / "tiny").folder
    flown(tmp_path, "fast", odd)
    with (
        pytest.raises(PlanError, match="variant v1: other labels than the primary's, such as airplane"),
        begin(tmp_path / "flight.json"),
    ):
        pass


@pytest.mark.parametrize("field", ["name", "version", "sha256"])
def test_a_bundle_that_is_not_the_proven_one_is_not_loaded(tmp_path: Path, field: str) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(find_bundle("fast"), folder)
    bundle = load_bundle(folder)
    proven = FoundBundle(folder=folder, name=bundle.name, version=bundle.version, sha256=bundle.sha256)
    assert loaded(proven).sha256 == bundle.sha256
    with pytest.raises(BundleError, match="not the bundle that was proven"):
        loaded(proven.model_copy(update={field: "another"}))
