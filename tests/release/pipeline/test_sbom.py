"""`scripts/sbom` on an image that a real engine holds. Its foreign architecture and lack of programs do not matter."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from release.engine import EngineUnreachableError, connect
from tests.e2e.device import ROOT
from tests.e2e.docker.registry import Registry
from tests.patience import PATIENCE_S
from tests.release.pipeline.test_image_contents import STATUS
from tests.release.pipeline.test_pipelines import pipeline_python

SITE = "opt/venv/lib/python3.11/site-packages"
DEBIAN_S = "usr/lib/python3/dist-packages/six-1.16.0.egg-info"
DPKG = "Package: dpkg\nStatus: install ok installed\nArchitecture: armhf\nVersion: 1.21\n"
MODEL = {
    "schema": "bundle/1",
    "name": "fast",
    "version": "1.1.0",
    "licence": "MIT",
    "sha256": hashlib.sha256(b"model").hexdigest(),
}
FILES = {
    "var/lib/dpkg/status": f"{STATUS}\n{DPKG}",
    "var/lib/dpkg/info/python3-six.list": f"/.\n/{DEBIAN_S}\n",
    "usr/lib/os-release": 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12"\n',
    DEBIAN_S: "Name: six\nVersion: 1.16.0\n",
    f"{SITE}/ruamel.yaml-0.18.6.dist-info/METADATA": "Name: ruamel.yaml\nVersion: 0.18.6\nLicense-Expression: MIT\n",
    f"{SITE}/other/METADATA": "Name: no-distribution\nVersion: 1\n",
    "app/bundles/fast/bundle.json": json.dumps(MODEL),
    "app/other/bundle.json": '{"not": "ours"}',
    "app/broken/bundle.json": "{",
}


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "scripts" / "sbom"), *arguments]
    environment = {**os.environ, **variables}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=6 * PATIENCE_S, env=environment, check=False
    )


def archive(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as out:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            out.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.DockerClient]:
    try:
        client = connect()
    except EngineUnreachableError as error:
        pytest.skip(str(error))
    yield client
    client.close()


@pytest.fixture(scope="module")
def image(engine: docker.DockerClient) -> Iterator[str]:
    reference = "edge-vision-test/sbom:1"
    engine.api.import_image_from_data(archive(FILES), repository="edge-vision-test/sbom", tag="1")
    yield reference
    engine.images.remove(reference)


@pytest.fixture(scope="module")
def bill(image: str) -> dict[str, Any]:
    done = run(image)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def components(bill: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {component["name"]: component for component in bill["components"] if component["type"] == kind}


def test_it_holds_debian_s_packages_with_their_source(bill: dict[str, Any]) -> None:
    purls = {name: c.get("purl", "") for name, c in components(bill, "library").items()}
    assert purls == {
        "libssl3": "pkg:deb/debian/libssl3@3.0.15-1~deb12u1?arch=armhf&distro=debian-12&upstream=openssl",
        "bash": "pkg:deb/debian/bash@5.2.15-2%2Bb13?arch=armhf&distro=debian-12&upstream=bash%405.2.15-2",
        "dpkg": "pkg:deb/debian/dpkg@1.21?arch=armhf&distro=debian-12&upstream=dpkg",
        "ruamel.yaml": "pkg:pypi/ruamel-yaml@0.18.6",
    }


def test_it_names_the_system_the_models_and_the_image_itself(bill: dict[str, Any], image: str) -> None:
    assert components(bill, "operating-system")["debian"]["version"] == "12"
    model = components(bill, "machine-learning-model")["fast"]
    assert model["version"] == "1.1.0"
    assert model["hashes"] == [{"alg": "SHA-256", "content": MODEL["sha256"]}]
    assert bill["specVersion"] == "1.6"
    subject = bill["metadata"]["component"]
    assert f"{subject['name']}:{subject['version']}" == image
    assert "arch=armhf" in subject["purl"]
    (dependencies,) = [d["dependsOn"] for d in bill["dependencies"] if d["ref"] == subject["bom-ref"]]
    assert len(dependencies) == len(bill["components"])


def test_an_image_keeps_its_serial_number_and_leaves_no_container(
    image: str, bill: dict[str, Any], engine: docker.DockerClient, tmp_path: Path
) -> None:
    done = run(image, "--folder", str(tmp_path), "--json")
    (made,) = json.loads(done.stdout)["documents"]
    assert json.loads(Path(made["file"]).read_text())["serialNumber"] == bill["serialNumber"]
    assert (made["architecture"], made["debian"], made["python"]) == ("armhf", 3, 1)
    assert made["models"] == ["fast 1.1.0"]
    assert not engine.containers.list(all=True, filters={"ancestor": image})


def test_an_image_that_is_not_debian_s_is_refused(engine: docker.DockerClient) -> None:
    engine.api.import_image_from_data(archive({"bin/sh": ""}), repository="edge-vision-test/none", tag="1")
    try:
        done = run("edge-vision-test/none:1")
    finally:
        engine.images.remove("edge-vision-test/none:1")
    assert done.returncode == 2
    assert "edge-vision-test/none:1: has no /var/lib/dpkg/status" in done.stderr


def test_an_image_that_is_nowhere_is_refused(engine: docker.DockerClient) -> None:
    done = run("127.0.0.1:1/nothing:1")
    assert done.returncode == 2
    assert "127.0.0.1:1/nothing:1: neither on this engine nor to be pulled" in done.stderr


def test_without_an_engine_it_says_so() -> None:
    done = run("any:1", DOCKER_HOST="unix:///nowhere.sock")
    assert done.returncode == 3
    assert "no Docker engine answers" in done.stderr


def test_several_images_need_a_folder() -> None:
    done = run("a:1", "b:1")
    assert done.returncode == 2
    assert "--folder" in done.stderr


def test_the_images_of_a_build_are_read_by_digest(
    image: str, engine: docker.DockerClient, tmp_path: Path
) -> None:
    # an id is what a digest is for an image that was never pushed
    identifier = str(engine.images.get(image).id)
    record = tmp_path / "images.json"
    record.write_text(json.dumps({"images": {"a": {"repository": "127.0.0.1:1/a", "digest": identifier}}}))
    done = run("--record", str(record), "--folder", str(tmp_path / "sbom"))
    assert done.returncode == 2
    assert f"127.0.0.1:1/a@{identifier}: neither on this engine" in done.stderr


def built(folder: Path, identifier: str) -> Path:
    """What scripts/build records of an image that was not pushed."""
    image = {"repository": "127.0.0.1:1/eye", "tag": "1-arm32v7", "digest": None, "imageId": identifier}
    (folder / "images.json").write_text(json.dumps({"images": {"camera": image}}))
    return folder / "images.json"


def test_what_was_built_and_not_pushed_is_read_as_it_is_here(
    image: str, bill: dict[str, Any], engine: docker.DockerClient, tmp_path: Path
) -> None:
    record = built(tmp_path, str(engine.images.get(image).id))
    done = run("--record", str(record), "--folder", str(tmp_path / "sbom"))
    assert done.returncode == 0, done.stderr
    (file,) = (tmp_path / "sbom").iterdir()
    assert file.name == "camera-armhf.cdx.json"
    document = json.loads(file.read_text())
    assert document["serialNumber"] == bill["serialNumber"]
    subject = document["metadata"]["component"]
    assert (subject["name"], subject["version"]) == ("127.0.0.1:1/eye", "1-arm32v7")
    assert document["components"] == bill["components"]


def test_what_was_built_and_is_gone_is_not_looked_for_elsewhere(
    engine: docker.DockerClient, tmp_path: Path
) -> None:
    done = run("--record", str(built(tmp_path, f"sha256:{'0' * 64}")))
    assert done.returncode == 2
    assert "127.0.0.1:1/eye:1-arm32v7: sha256:000" in done.stderr
    assert "is not on this engine any more; build it again" in done.stderr


@pytest.mark.parametrize(
    ("password", "told"), [("right", "has no /var/lib/dpkg/status"), ("wrong", "neither on")]
)
def test_what_a_registry_has_is_pulled_with_its_login(
    engine: docker.DockerClient, password: str, told: str
) -> None:
    registry = Registry("pipeline", "right")
    reference = f"{registry.name}/eye:latest"
    try:
        login = {"CONTAINER_REGISTRY_USERNAME": "pipeline", "CONTAINER_REGISTRY_PASSWORD": password}
        done = run(reference, CONTAINER_REGISTRY_SERVER=registry.name, **login)
    finally:
        registry.shutdown()
        registry.server_close()
        if password == "right":
            engine.images.remove(reference)
    assert done.returncode == 2
    assert told in done.stderr


def run_in(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What `scripts/sbom` of a checkout does whose user is logged in nowhere."""
    program = "import sys; from pathlib import Path; from release.pipeline import sbom_command as command; "
    program += "command.ROOT = Path(sys.argv[1]); sys.exit(command.main(sys.argv[2:]))"
    environment = {
        n: v for n, v in os.environ.items() if not n.startswith(("CONTAINER_REGISTRY_", "DOCKER_CONFIG"))
    }
    return subprocess.run(
        [pipeline_python(), "-c", program, root, *arguments],
        env={**environment, "HOME": str(root), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=6 * PATIENCE_S,
        check=False,
    )


def test_a_login_is_found_where_a_build_finds_it(engine: docker.DockerClient, tmp_path: Path) -> None:
    registry = Registry("builder", "right")
    place = f"CONTAINER_REGISTRY_SERVER={registry.name}\nCONTAINER_REGISTRY_USERNAME=builder\n"
    (tmp_path / ".env").write_text(f"{place}CONTAINER_REGISTRY_PASSWORD=right\n")
    try:
        done = run_in(tmp_path, f"{registry.name}/eye:latest")
    finally:
        registry.shutdown()
        registry.server_close()
    assert (done.returncode, "has no /var/lib/dpkg/status" in done.stderr) == (2, True), done.stderr
    engine.images.remove(f"{registry.name}/eye:latest")


def test_an_env_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\n")
    done = run_in(tmp_path, "any:1")
    assert (done.returncode, f"{tmp_path / '.env'}:" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("text", ["{", '{"images": {"a": {"repository": "r", "digest": null}}}', "[]"])
def test_a_record_that_names_no_images_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "images.json").write_text(text)
    done = run("--record", str(tmp_path / "images.json"))
    assert done.returncode == 2
    assert "--record: " in done.stderr


def test_something_must_be_named() -> None:
    assert "which image?" in run().stderr
