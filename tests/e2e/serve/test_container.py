"""One container of the service, confined and limited as the manifest has it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from docker import DockerClient
from docker.errors import ContainerError
from docker.models.containers import Container

from tests.e2e.image_suite import Tell
from tests.e2e.serve.load import load
from tests.e2e.serve.replicas import KEYS, Replicas

LIST = "ls /app; ls -A /app/serving; find / -xdev \\( -name '*.env' -o -name .git \\)"


def test_it_scores_with_a_read_only_root_and_no_rights(replicas: Replicas, picture: bytes) -> None:
    container = replicas.start("replica-1")
    body = json.dumps({"a.png": base64.b64encode(picture).decode()}).encode()
    assert replicas.status("replica-1", "/score", "POST", body, KEYS["primary"]) == 200
    assert replicas.status("replica-1", "/score", "POST", body, KEYS["secondary"]) == 200
    assert replicas.status("replica-1", "/score", "POST", body, "another") == 401
    assert replicas.status("replica-1", "/score", "POST", body) == 401
    assert said(container, "python3", "-m", "serving.healthcheck", "8080") == (0, "")
    code, told = said(container, "python3", "-m", "serving.healthcheck", "1")
    assert (code, "http://127.0.0.1:1/v2/health/live: " in told) == (1, True)
    assert "Read-only file system" in said(container, "python3", "-c", "open('/app/x', 'w')")[1]
    _, told = said(container, "sh", "-c", "id -u; grep -E '^(CapEff|NoNewPrivs)' /proc/1/status")
    assert told.split() == ["10001", "CapEff:", "0000000000000000", "NoNewPrivs:", "1"]


def said(container: Container, *command: str) -> tuple[int, str]:
    result: Any = container.exec_run(list(command))
    return result.exit_code, result.output.decode()


def test_keys_are_changed_without_a_restart(replicas: Replicas, picture: bytes) -> None:
    container = replicas.start("replica-1")
    before = container.attrs["State"]["StartedAt"]
    body = json.dumps({"a.png": base64.b64encode(picture).decode()}).encode()
    fresh = replicas.folders["keys"] / ".primary.new"
    fresh.write_text("a-fresh-key-of-the-tests")
    fresh.chmod(0o644)
    fresh.rename(replicas.folders["keys"] / "primary")
    for key, expected in (
        ("a-fresh-key-of-the-tests", 200),
        (KEYS["primary"], 401),
        (KEYS["secondary"], 200),
    ):
        replicas.wait(
            lambda: replicas.status("replica-1", "/score", "POST", body, key) == expected,  # noqa: B023 - asked at once
            f"{key} is answered with {expected}",
        )
    container.reload()
    assert container.attrs["State"]["StartedAt"] == before


def test_it_refuses_to_start_without_a_key(client: DockerClient, image: str) -> None:
    with pytest.raises(ContainerError) as refused:
        client.containers.run(image, remove=True, stderr=True)
    assert refused.value.exit_status == 2
    assert b"SCORING_KEY_PRIMARY" in (refused.value.stderr or b"")


@pytest.mark.parametrize("bundle", ["fast", "accurate"])
def test_the_image_proves_its_bundles(client: DockerClient, image: str, bundle: str) -> None:
    confined = {"network_mode": "none", "read_only": True, "cap_drop": ["ALL"], "tmpfs": {"/tmp": "size=16m"}}
    command = ["python3", "-m", "image_classifier", "check", bundle]
    arguments: dict[str, Any] = {"remove": True, **confined}
    said: bytes = client.containers.run(image, command, **arguments)
    assert f"all 11 checks of {bundle}" in said.decode()


def test_memory_under_load_is_within_the_limit(replicas: Replicas, picture: bytes, tell: Tell) -> None:
    """The manifest's limit is the container's: one that needs more is killed, and then this ends."""
    container = replicas.start("replica-1")
    with load(f"http://{replicas.address('replica-1')}:8080/score", picture, KEYS["primary"]) as tally:
        replicas.wait(lambda: tally.total > 200, "200 answers")
        measured: Any = container.stats(stream=False)  # one, whatever the stubs say
        processes = container.top(ps_args="-o pid,rss,args")["Processes"]
    assert not tally.failures
    assert not container.attrs["State"]["OOMKilled"]
    resident = [int(process[1]) // 1024 for process in processes]
    whole = measured["memory_stats"]["usage"] // 1024**2
    tell(f"memory under load: {whole} MiB; resident of each process: {resident} MiB")


def test_the_image_holds_the_service_and_nothing_else(client: DockerClient, image: str) -> None:
    listed = client.containers.run(image, ["sh", "-c", LIST], remove=True, user="0")
    names = set(listed.decode().split())
    assert {"image_classifier", "serving", "healthcheck.py"} <= names
    assert not names & {"module_kit", "tests", "module.json", "Dockerfile.amd64", ".git"}
    config = client.images.get(image).attrs["Config"]
    assert (config["User"], config["Cmd"][:3]) == ("10001:10001", ["python3", "-m", "serving"])
    assert config["Healthcheck"]["Test"][:2] == ["CMD", "python3"]
