"""`scripts/manifests --pin`: a build's digest in an overlay, and nothing else changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.targets.kubernetes.manifests import ROOT, needs_kubectl, run

ZEROS = f"sha256:{'0' * 64}"
DIGEST = f"sha256:{'5' * 64}"
OVERLAY = "kubernetes/overlays/prod"


@pytest.fixture
def targets(tmp_path: Path) -> Path:
    """A copy of our manifests."""
    needs_kubectl()
    copy = tmp_path / "targets"
    shutil.copytree(ROOT / "targets" / "kubernetes", copy / "kubernetes")
    return copy


def record(folder: Path, platform: str = "amd64", digest: str | None = DIGEST) -> Path:
    file = folder / "serving.json"
    image = {"repository": "registry.test/serving", "tag": "1", "digest": digest}
    file.write_text(json.dumps({"schema": "images/1", "platform": platform, "images": {"serving": image}}))
    return file


def test_the_digest_of_a_build_is_written(targets: Path, tmp_path: Path) -> None:
    file = targets / OVERLAY / "kustomization.yaml"
    before = file.read_text()
    waiting = run("--pinned", targets / OVERLAY)
    assert waiting.returncode == 1
    assert "pinned: Deployment/serving: serving: no build is pinned yet" in waiting.stdout
    done = run("--pinned", "--json", "--pin", record(tmp_path), targets / OVERLAY)
    assert done.returncode == 0, done.stderr
    (folder,) = json.loads(done.stdout)["folders"]
    (deployment,) = (one for one in folder["objects"] if one["kind"] == "Deployment")
    image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == f"registry.test/serving@{DIGEST}"
    assert file.read_text() == before.replace(ZEROS, DIGEST).replace("registry.example.com", "registry.test")


@pytest.mark.parametrize(
    ("platform", "digest", "told"),
    [
        ("arm64v8", DIGEST, "the pods of"),
        ("amd64", None, "was not pushed"),
    ],
)
def test_a_record_that_does_not_fit_changes_nothing(
    targets: Path, tmp_path: Path, platform: str, digest: str | None, told: str
) -> None:
    file = targets / OVERLAY / "kustomization.yaml"
    before = file.read_text()
    done = run("--pin", record(tmp_path, platform, digest), targets / OVERLAY)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert file.read_text() == before


def test_of_several_folders_all_are_changed_or_none(targets: Path, tmp_path: Path) -> None:
    folders = [targets / "kubernetes/overlays" / name for name in ("dev", "test", "prod")]
    files = [folder / "kustomization.yaml" for folder in folders]
    before = [file.read_text() for file in files]
    files[2].write_text(before[2].replace("digest:", "newTag:"))
    done = run("--pin", record(tmp_path), *folders)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{files[2]}: images: needs one entry" in done.stderr
    assert [file.read_text() for file in files[:2]] == before[:2]
    files[2].write_text(before[2])
    done = run("--pinned", "--pin", record(tmp_path), *folders)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [DIGEST in file.read_text() for file in files] == [True] * 3


def test_a_record_that_is_not_there_is_told_with_what_writes_it(targets: Path, tmp_path: Path) -> None:
    done = run("--pin", tmp_path / "nowhere.json", targets / OVERLAY)
    assert (done.returncode, done.stdout) == (2, "")
    assert "scripts/build --folder serving --push writes one" in done.stderr
