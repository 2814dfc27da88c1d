"""The scoring service's image on a real engine: `scripts/test-serve` runs these tests, and nothing else does."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from docker import DockerClient
from docker.models.networks import Network

from image_classifier.bundle import load_bundle
from release.images.record import read
from targets.kubernetes.documents import Document
from tests.e2e.device import ROOT
from tests.e2e.docker.conftest import build
from tests.e2e.image_suite import Tell, be_patient, write_told
from tests.e2e.images.published import BUILD_S, REGISTRY
from tests.e2e.serve.replicas import KEYS, PORT, Replicas, address_of, status
from tests.patience import PATIENCE_S
from tests.targets.kubernetes.manifests import checked, needs_kubectl

PROXY = Path(__file__).with_name("proxy")


@pytest.fixture(scope="session", autouse=True)
def asked_for() -> None:
    if not os.environ.get("TEST_SERVE"):
        pytest.skip("scripts/test-serve runs these: they build an image")


@pytest.fixture(scope="session")
def image(client: DockerClient, tmp_path_factory: pytest.TempPathFactory, tell: Tell) -> str:
    """As `scripts/build --folder serving --push` records it, by digest."""
    record = tmp_path_factory.mktemp("record") / "serving.json"
    done = subprocess.run(
        [
            *(str(ROOT / "scripts" / "build"), "--folder", "serving", "--platform", "amd64", "--push"),
            *("--version-from-content", "--record", str(record)),
        ],
        env={**os.environ, "CONTAINER_REGISTRY_SERVER": REGISTRY},
        capture_output=True,
        text=True,
        timeout=BUILD_S,
        check=False,
    )
    if done.returncode == 3:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr[-4000:]
    made = read(record).images["serving"]
    tell(f"{made.tag}: {(made.size_bytes or 0) / 1e6:.1f} MB to download")
    client.images.pull(f"{made.repository}@{made.digest}")
    return f"{made.repository}@{made.digest}"


@pytest.fixture(scope="session")
def pods() -> dict[str, Document]:
    """Of each overlay."""
    needs_kubectl()
    overlays = ("dev", "prod")
    folders = checked(*(ROOT / "targets/kubernetes/overlays" / name for name in overlays))
    found = {}
    for name, folder in zip(overlays, folders, strict=True):
        deployment = next(one for one in folder["objects"] if one["kind"] == "Deployment")
        found[name] = deployment["spec"]["template"]["spec"]
    return found


@pytest.fixture
def network(client: DockerClient) -> Iterator[Network]:
    network = client.networks.create(f"serve-test-{uuid4().hex[:8]}", driver="bridge")
    yield network
    network.remove()


@pytest.fixture
def keys(short: Path) -> Path:
    """A folder as the Secret's volume, which the image's user reads."""
    short.chmod(0o755)
    folder = short / "keys"
    folder.mkdir(mode=0o755)
    for name, key in KEYS.items():
        (folder / name).write_text(key)
        (folder / name).chmod(0o644)
    return folder


@pytest.fixture
def replicas(
    client: DockerClient, network: Network, image: str, pods: dict[str, Document], keys: Path
) -> Iterator[Replicas]:
    """With one bundle, as dev has them; none is started yet."""
    replicas = Replicas(client, network, image, pods["dev"], {"keys": keys})
    yield replicas
    replicas.close()


@pytest.fixture
def flown(
    client: DockerClient, network: Network, image: str, pods: dict[str, Document], keys: Path, short: Path
) -> Iterator[Replicas]:
    """With a flight plan, as prod has them; `folders["flight"]` stands for the ConfigMap's volume."""
    (short / "flight").mkdir(mode=0o755)
    replicas = Replicas(client, network, image, pods["prod"], {"keys": keys, "flight": short / "flight"})
    yield replicas
    replicas.close()


@pytest.fixture
def proxy(client: DockerClient, network: Network) -> Iterator[str]:
    """Where HAProxy answers: a URL. It looks for replica-1 to replica-3."""
    image = build(PROXY / "Dockerfile", PROXY, "serve-test/proxy")
    name = str(network.name)
    container = client.containers.run(
        image, detach=True, network=name, name=f"{name}-proxy", environment={"NETWORK": name}
    )
    try:
        address = address_of(container, network)
        deadline = time.monotonic() + PATIENCE_S
        while not status(address, "GET", "/"):
            container.reload()
            assert container.status == "running", container.logs().decode()[-4000:]
            assert time.monotonic() < deadline, "the proxy never answers"
            time.sleep(0.1)
        yield f"http://{address}:{PORT}"
    finally:
        sys.stdout.write(container.logs().decode())  # which pytest shows of a test that failed
        container.remove(force=True)


@pytest.fixture(scope="session")
def picture() -> bytes:
    """Of the shipped bundle's golden vectors, as PNG."""
    bundle = load_bundle("fast")
    return bundle.golden_vectors[0].image


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    be_patient(items, Path(__file__).parent, BUILD_S)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    write_told(terminalreporter, config, "serving")
