"""Images by digest, from the record of scripts/build."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from release.deploy.environment import Environment
from release.deploy.outcome import UsageError
from release.deploy.template import prepare
from tests.e2e.device import ROOT

DIGEST = f"sha256:{'0123456789abcdef' * 4}"
VALUES = {
    "CONTAINER_REGISTRY_USERNAME": "anonymous",
    "CONTAINER_REGISTRY_PASSWORD": "anonymous",
}
MODULES = ("camera", "classifier", "results_filter")


def entry(module: str, **changes: Any) -> dict[str, Any]:
    made = {"contentSha256": "0" * 64, "imageId": DIGEST, "sizeBytes": 1, "buildSeconds": None}
    return {
        "repository": f"127.0.0.1:5000/{module}",
        "tag": "0.2.0-amd64",
        "digest": DIGEST,
        **made,
        **changes,
    }


def record(folder: Path, **changes: Any) -> Path:
    document = {
        "schema": "images/1",
        "platform": "amd64",
        "commit": None,
        "images": {m: entry(m) for m in MODULES},
    }
    file = folder / "images.json"
    file.write_text(json.dumps({**document, **changes}))
    return file


def images_of(file: Path, template: Path = ROOT / "deployment.template.json") -> dict[str, str]:
    """What the modules of the template run when it is pinned with `file`."""
    environment = Environment("dev", ROOT / "environments" / "dev.env", {}, VALUES)
    prepared = prepare(template, environment, "amd64", file)
    assert prepared.errors == []
    agent = prepared.content["$edgeAgent"]
    modules = (
        agent["properties.desired"]["modules"]
        if not prepared.layered
        else {key.rpartition(".")[2]: module for key, module in agent.items()}
    )
    return {name: module["settings"]["image"] for name, module in modules.items()}


def test_every_module_of_the_solution_is_named_by_its_digest(tmp_path: Path) -> None:
    assert images_of(record(tmp_path)) == {m: f"127.0.0.1:5000/{m}:0.2.0-amd64@{DIGEST}" for m in MODULES}


def test_in_a_layer_as_well_and_foreign_images_stay(tmp_path: Path) -> None:
    (tmp_path / "modules").symlink_to(ROOT / "modules")
    modules = json.loads((ROOT / "deployment.template.json").read_text())["modulesContent"]["$edgeAgent"]
    camera = modules["properties.desired"]["modules"]["camera"]
    foreign = {**camera, "settings": {"image": "example.org/other:1", "createOptions": {}}}
    layer = {
        "properties.desired.modules.eye": camera,
        "properties.desired.modules.other": foreign,
    }
    template = tmp_path / "deployment.template.json"
    template.write_text(json.dumps({"content": {"modulesContent": {"$edgeAgent": layer}}}))
    assert images_of(record(tmp_path), template) == {
        "eye": f"127.0.0.1:5000/camera:0.2.0-amd64@{DIGEST}",
        "other": "example.org/other:1",
    }


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"schema": "images/2"}, "expected images/1"),
        ({"platform": "arm32v7"}, "the images are for 'arm32v7'"),
        ({"images": None}, "images"),
        ({"images": {}}, "has no image of camera"),
        ({"images": {m: entry(m, digest=None) for m in MODULES}}, "without a digest of camera"),
        ({"images": {m: entry(m, digest="sha256:12") for m in MODULES}}, "images.camera.digest"),
        ({"images": {m: entry(m, repository="r/x") for m in MODULES}}, "was pushed to r/x"),
    ],
)
def test_a_record_that_does_not_fit(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        images_of(record(tmp_path, **changes))


def test_no_record_at_all(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="scripts/build"):
        images_of(tmp_path / "nothing.json")
