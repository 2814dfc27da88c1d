"""The scoring scripts in Azure ML's own server, and the files as Azure ML's own SDK reads them.

Needs .venv-azureml, .venv-azureml-batch and .venv-azureml-sdk.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from targets.package import main as package
from tests.patience import PATIENCE_S
from tests.servers.process import free_port
from tests.targets.environments import environment, needs, python_of, run
from tests.targets.golden import scores, vectors


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is deployed."""
    made = tmp_path_factory.mktemp("azureml")
    assert package(["azureml", str(made)]) == 0
    return made


@contextmanager
def server(folder: Path, bundle: str) -> Iterator[str]:
    """Azure ML's inference server with the scoring script; yields its URL."""
    port = free_port("")  # it listens on all addresses, takes no 0 and tells no port
    with (folder / f"{bundle}.log").open("wb") as log:
        process = subprocess.Popen(
            [
                python_of("azureml").with_name("azmlinfsrv"),
                *("--entry_script", "code/score.py", "--port", str(port)),
            ],
            cwd=folder,
            env=environment(BUNDLE=bundle, HOME=str(folder)),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(process, url, folder / f"{bundle}.log")
            yield url
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(PATIENCE_S)


def wait_for(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        try:
            requests.get(url, timeout=PATIENCE_S)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(log.read_text())


@needs("azureml")
@pytest.mark.parametrize("bundle", ["fast", "accurate"])
def test_golden_pictures_get_the_scores_of_image_classifier(folder: Path, bundle: str) -> None:
    with server(folder, bundle) as url, requests.Session() as session:
        for vector in vectors(bundle):
            raw = session.post(
                f"{url}/score?top_k=10",
                vector.image,
                headers={"Content-Type": vector.content_type},
                timeout=PATIENCE_S,
            )
            document = raw.json()
            assert document.pop("model")["name"] == bundle
            assert document == scores(bundle, vector)
        named = {vector.name: base64.b64encode(vector.image).decode() for vector in vectors(bundle)}
        together = session.post(f"{url}/score", json=named, timeout=PATIENCE_S)
        labels = [scores(bundle, vector)["top"][0]["label"] for vector in vectors(bundle)]
        assert together.json() == [{name: label} for name, label in zip(named, labels, strict=True)]
        mistake = session.post(
            f"{url}/score", b"x", headers={"Content-Type": "image/png"}, timeout=PATIENCE_S
        )
        assert (mistake.status_code, mistake.headers["Content-Type"]) == (422, "application/problem+json")
        assert session.get(url, timeout=PATIENCE_S).status_code == 200


BATCH = """
import json, sys
sys.path.insert(0, "code")
import azureml.core  # the service runs the script with it
import batch_score
batch_score.init()
print(json.dumps(batch_score.run(sys.argv[1:])))
"""


@needs("azureml-batch")
@pytest.mark.parametrize("bundle", ["fast", "accurate"])
def test_a_mini_batch_gives_a_line_a_file(folder: Path, tmp_path: Path, bundle: str) -> None:
    files = []
    for number, vector in enumerate(vectors(bundle)):
        # One name in several folders, as collections by class or by day have it.
        files.append(tmp_path / str(number) / "1.bin")
        files[-1].parent.mkdir()
        files[-1].write_bytes(vector.image)
    files.insert(1, tmp_path / "gone.png")
    out = run("azureml-batch", "-c", BATCH, *files, cwd=folder, env={"BUNDLE": bundle})
    lines = [json.loads(line) for line in json.loads(out)]
    assert [line["picture"] for line in lines] == [str(file) for file in files]
    bad = lines.pop(1)
    assert (bad["label"], bad["error"], bad["detail"]) == (None, "unreadable", "No such file or directory")
    for line, vector in zip(lines, vectors(bundle), strict=True):
        expected = scores(bundle, vector)
        by_label = {best["label"]: best["probability"] for best in expected["top"]}
        assert sorted(line["probabilities"]) == sorted(by_label.values())
        assert by_label[line["label"]] == line["probability"] == max(by_label.values())
        assert line["abstained"] is expected["abstained"]
        assert line["error"] is None


LOAD = """
import json, sys
import azure.ai.ml as ml
from azure.ai.ml.entities._load_functions import load_model_batch_deployment
loads = {"online-endpoint": ml.load_online_endpoint, "online-deployment": ml.load_online_deployment,
         "batch-endpoint": ml.load_batch_endpoint, "batch-deployment": load_model_batch_deployment}
found = {}
for pair in sys.argv[1:]:
    name, kind = pair.split(":")
    made = loads[kind](name)
    text = lambda key: getattr(made, key, None)
    found[name] = {"type": type(made).__name__, "traffic": text("traffic"), "mirror": text("mirror_traffic"),
                   "name": made.name, "endpoint": text("endpoint_name"),
                   "script": getattr(text("code_configuration"), "scoring_script", None),
                   "image": getattr(text("environment"), "image", None),
                   "conda": (getattr(text("environment"), "conda_file", None) or {}).get("dependencies")}
print(json.dumps(found))
"""
KINDS = {
    "endpoint.yml": ("online-endpoint", "ManagedOnlineEndpoint"),
    "endpoint-mirror.yml": ("online-endpoint", "ManagedOnlineEndpoint"),
    "kubernetes-endpoint.yml": ("online-endpoint", "KubernetesOnlineEndpoint"),
    "batch-endpoint.yml": ("batch-endpoint", "BatchEndpoint"),
    "deployment-blue.yml": ("online-deployment", "ManagedOnlineDeployment"),
    "deployment-green.yml": ("online-deployment", "ManagedOnlineDeployment"),
    "kubernetes-deployment.yml": ("online-deployment", "KubernetesOnlineDeployment"),
    "batch-deployment.yml": ("batch-deployment", "ModelBatchDeployment"),
}


@pytest.fixture(scope="module")
def loaded(folder: Path) -> dict[str, dict[str, Any]]:
    """Each file as the SDK reads it, which refuses unknown fields and wrong types."""
    pairs = [f"{name}:{kind}" for name, (kind, _) in KINDS.items()]
    found: dict[str, dict[str, Any]] = json.loads(
        run("azureml-sdk", "-c", LOAD, *pairs, cwd=folder, env={"HOME": str(folder)}).splitlines()[-1]
    )
    return found


@needs("azureml-sdk")
def test_every_file_is_what_the_sdk_takes_it_for(folder: Path, loaded: dict[str, dict[str, Any]]) -> None:
    assert {file.name for file in folder.glob("*.yml")} == {
        *KINDS,
        *("conda.yml", "environment.yml", "conda-batch.yml", "environment-batch.yml"),
    }
    assert {name: item["type"] for name, item in loaded.items()} == {
        name: kind for name, (_, kind) in KINDS.items()
    }


@needs("azureml-sdk")
def test_deployments_name_endpoints_scripts_and_environments_that_are_there(
    folder: Path, loaded: dict[str, dict[str, Any]]
) -> None:
    endpoints = {item["name"] for item in loaded.values() if item["type"].endswith("Endpoint")}
    deployments = [item for item in loaded.values() if item["type"].endswith("Deployment")]
    assert len(deployments) == 4
    for item in deployments:
        assert item["endpoint"] in endpoints
        assert (folder / "code" / item["script"]).is_file()
        assert item["image"]
        (pip,) = (entry["pip"] for entry in item["conda"] if isinstance(entry, dict))
        # What the service runs the script with: Microsoft's pages on online and on batch deployments.
        service = (
            "azureml-core" if item["type"] == "ModelBatchDeployment" else "azureml-inference-server-http"
        )
        assert any(pin.startswith(f"{service}==") for pin in pip)
        assert all("==" in pin for pin in pip)


@needs("azureml-sdk")
def test_shares_of_traffic_go_to_deployments_and_sum_to_100(loaded: dict[str, dict[str, Any]]) -> None:
    for endpoint in loaded.values():
        if not endpoint["traffic"]:
            continue
        own = {item["name"] for item in loaded.values() if item["endpoint"] == endpoint["name"]}
        assert sum(endpoint["traffic"].values()) == 100
        assert set(endpoint["traffic"]) <= own
        assert sum((endpoint["mirror"] or {}).values()) <= 50
        assert set(endpoint["mirror"] or {}) <= own - {
            name for name, share in endpoint["traffic"].items() if share
        }
