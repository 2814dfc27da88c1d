"""`scripts/manifests` refuses what Kubernetes, Flux or KServe would not know, and ends as it says."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.targets.kubernetes.manifests import ROOT, checked, needs_kubectl, run

PROD, KSERVE, ARC = (
    "targets/kubernetes/overlays/prod",
    "targets/kubernetes/kserve",
    "targets/arc/overlays/prod",
)
CONTAINER = "/spec/template/spec/containers/0"
RUNTIME = "/spec/containers/0"


@dataclass(frozen=True, slots=True)
class Break:
    """A JSON patch of the object of this kind, and what its schema says to it."""

    folder: str
    kind: str
    operation: str
    path: str
    value: str
    message: str


BREAKS = (
    Break(PROD, "Deployment", "add", f"{CONTAINER}/readines", "{}", "'readines' was unexpected"),
    Break(PROD, "Deployment", "replace", f"{CONTAINER}/ports/0/containerPort", '"http"', "'http' is not"),
    Break(
        PROD,
        "HorizontalPodAutoscaler",
        "replace",
        "/apiVersion",
        '"autoscaling/v2beta2"',
        "Kubernetes 1.37 has no",
    ),
    Break(PROD, "NetworkPolicy", "replace", "/spec/policyTypes", '"Egress"', "'Egress' is not"),
    Break(
        KSERVE,
        "ServingRuntime",
        "add",
        "/spec/protocols",
        '["v2"]',
        "spec.protocols: there is no such field",
    ),
    Break(KSERVE, "ServingRuntime", "remove", "/spec/containers", "0", "spec.containers: is missing"),
    Break(KSERVE, "ServingRuntime", "add", f"{RUNTIME}/readines", "{}", "spec.containers.0: Additional"),
    Break(
        KSERVE,
        "ServingRuntime",
        "replace",
        "/spec/supportedModelFormats/0/autoSelect",
        '"no"',
        "spec.supportedModelFormats.0.autoSelect: 'no' is not of type bool",
    ),
    Break(
        KSERVE,
        "InferenceService",
        "add",
        "/spec/predictor/model/format",
        "{}",
        "spec.predictor.model.format: there is no such field",
    ),
    Break(
        KSERVE,
        "InferenceService",
        "add",
        "/spec/predictor/model/resources",
        '{"request": {}}',
        "spec.predictor.model.resources: Additional",
    ),
    Break(
        KSERVE,
        "InferenceService",
        "replace",
        "/apiVersion",
        '"serving.kserve.io/v1"',
        "no schema for InferenceService of serving.kserve.io/v1",
    ),
    Break(ARC, "GitRepository", "add", "/spec/branch", '"main"', "spec.branch: there is no such field"),
    Break(ARC, "GitRepository", "remove", "/spec/url", "0", "spec.url: Field required"),
    Break(
        ARC,
        "Kustomization",
        "replace",
        "/spec/prune",
        '"always"',
        "spec.prune: Input should be a valid boolean",
    ),
    Break(
        ARC,
        "Kustomization",
        "replace",
        "/apiVersion",
        '"kustomize.toolkit.fluxcd.io/v1beta2"',
        "has no Kustom",
    ),
)


def patched(overlay: Path, folder: str, kind: str, operation: str, path: str, value: str) -> Path:
    """An overlay over one of ours that a JSON patch changes."""
    overlay.mkdir()
    (overlay / "kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1beta1\n"
        "kind: Kustomization\n"
        f"resources: [{os.path.relpath(ROOT / folder, overlay.resolve())}]\n"
        "patches:\n"
        f"  - target: {{kind: {kind}}}\n"
        f'    patch: \'[{{"op": "{operation}", "path": "{path}", "value": {value}}}]\'\n'
    )
    return overlay


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> list[list[dict[str, str]]]:
    """Of each of BREAKS, in one process: its imports take longer than its work."""
    needs_kubectl()
    root = tmp_path_factory.mktemp("broken")
    overlays = [
        patched(root / str(number), one.folder, one.kind, one.operation, one.path, one.value)
        for number, one in enumerate(BREAKS)
    ]
    return [folder["findings"] for folder in checked(*overlays)]


@pytest.mark.parametrize("number", range(len(BREAKS)), ids=lambda n: f"{BREAKS[n].kind}{BREAKS[n].path}")
def test_a_schema_refuses(findings: list[list[dict[str, str]]], number: int) -> None:
    wanted = BREAKS[number]
    found = [one["message"] for one in findings[number] if one["rule"] == "schema"]
    assert any(line.startswith(f"{wanted.kind}/") and wanted.message in line for line in found), findings[
        number
    ]


def test_findings_are_told_to_people_with_exit_code_1(tmp_path: Path) -> None:
    needs_kubectl()
    done = run(patched(tmp_path / "overlay", PROD, "Deployment", "add", "/spec/replicas", "2"))
    assert done.returncode == 1, done.stderr
    assert "overlay: 9 objects, 1 found\n  autoscaler: Deployment/serving: replicas would undo" in done.stdout


def test_a_folder_that_does_not_render_is_named(tmp_path: Path) -> None:
    needs_kubectl()
    (tmp_path / "kustomization.yaml").write_text("resources: [nowhere.yaml]\n")
    done = run(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"scripts/manifests: {tmp_path}: " in done.stderr
    assert "nowhere.yaml" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("program", "told"),
    [
        (None, "kubectl is not on PATH: install 1.27 or newer"),
        ('echo \'{"clientVersion": {"gitVersion": "v1.26.9"}}\'', "is v1.26.9: manifests need 1.27 or newer"),
        ("echo broken >&2; exit 1", "tells no version: broken"),
    ],
)
def test_a_kubectl_that_cannot_render_is_told(tmp_path: Path, program: str | None, told: str) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("bash", "sh", "dirname", "readlink", "cmp", "basename", "env", "python3", "python3.11"):
        real = next((p for d in os.environ["PATH"].split(":") if (p := Path(d) / name).exists()), None)
        if real:
            (programs / name).symlink_to(real)
    if program:
        (programs / "kubectl").write_text(f"#!/bin/sh\n{program}\n")
        (programs / "kubectl").chmod(0o755)
    done = run(PATH=str(programs), HOME=os.environ["HOME"])
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    assert told in done.stderr
