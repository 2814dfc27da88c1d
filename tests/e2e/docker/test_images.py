"""Images are pulled by edgeAgent's rules, with the manifest's credentials and no trace of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from docker import APIClient
from docker.errors import NotFound

from tests.e2e.docker.conftest import StartContainers
from tests.e2e.docker.deployment import module
from tests.e2e.docker.registry import Registry
from tests.e2e.docker.watching import until_status

PASSWORD = "s3cret-of-the-registry"


@pytest.fixture
def registry(api: APIClient) -> Iterator[Registry]:
    server = Registry("reader", PASSWORD)
    yield server
    server.shutdown()
    server.server_close()
    for name in (f"{server.name}/tiny:latest", f"{server.name}/other:latest"):
        try:
            api.remove_image(name, force=True)
        except NotFound:
            continue


def test_an_image_without_tag_is_pulled_as_the_latest(
    containers: StartContainers, registry: Registry, api: APIClient
) -> None:
    credentials = {
        "other": {"address": "registry.example.com", "username": "somebody", "password": "else"},
        "mine": {"address": registry.name, "username": "reader", "password": PASSWORD},
    }
    modules = {
        "tiny": module(f"{registry.name}/tiny", imagePullPolicy="on-create"),
        "never": module(f"{registry.name}/other", imagePullPolicy="never"),
    }
    device = containers(modules, None, credentials=credentials).up()
    # It has no program in it, which the engine finds when the image is there.
    assert "no-such-program" in until_status(device, "tiny", "backoff")["statusDescription"]
    assert "imagePullPolicy is never" in until_status(device, "never", "backoff")["statusDescription"]
    assert api.inspect_image(f"{registry.name}/tiny:latest")["RepoTags"] == [f"{registry.name}/tiny:latest"]  # type: ignore[no-untyped-call]
    assert any(path.endswith("/tiny/manifests/latest") for path in registry.asked)
    assert not any("/other/" in path for path in registry.asked)
    assert device.stop() == 0
    written = [
        path for path in device.state.rglob("*") if path.is_file() and PASSWORD in path.read_text("latin-1")
    ]
    # The deployment itself is kept where twins are, for this user alone.
    assert {path.name.removesuffix("-wal") for path in written} <= {"hub.db"}
    assert PASSWORD not in device.said()


def test_a_registry_that_refuses_is_reported(containers: StartContainers, registry: Registry) -> None:
    wrong = {"mine": {"address": registry.name, "username": "reader", "password": "wrong"}}
    tiny = module(f"{registry.name}/tiny", imagePullPolicy="on-create", restartPolicy="never")
    device = containers({"tiny": tiny}, None, credentials=wrong).up()
    failed = until_status(device, "tiny", "failed")["statusDescription"]
    assert f"the image {registry.name}/tiny:latest cannot be pulled" in failed
    assert "wrong" not in failed
