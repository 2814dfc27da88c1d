"""Which registry an image comes from, and who may pull from it."""

from __future__ import annotations

from typing import Any

import pytest

from edge_runtime.agent.docker.images import Credentials, credentials_of, find_credentials, registry_of


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("nginx:1", "docker.io"),
        ("team/nginx:1", "docker.io"),
        ("docker.io/team/nginx", "docker.io"),
        ("localhost/x", "localhost"),
        ("localhost:5000/x:1", "localhost:5000"),
        ("Registry.Example.com/team/x@sha256:0", "registry.example.com"),
    ],
)
def test_registry(image: str, registry: str) -> None:
    assert registry_of(image) == registry


@pytest.mark.parametrize(
    ("address", "image", "found"),
    [
        ("registry.example.com", "registry.example.com/x:1", True),
        ("https://REGISTRY.example.com/", "registry.example.com/x:1", True),
        ("registry.example.com", "registry.example.com:5000/x:1", False),
        ("example.com", "registry.example.com/x:1", False),
        ("https://index.docker.io/v1/", "team/x:1", True),
        ("docker.io", "x:1", True),
        ("registry.example.com", "x:1", False),
    ],
)
def test_credentials_go_to_their_registry_alone(address: str, image: str, found: bool) -> None:
    entry = Credentials(address, "u", "p")
    assert find_credentials([entry], image) is (entry if found else None)


def test_credentials_are_read_and_never_shown() -> None:
    named = {"a": {"address": "r", "username": "u", "password": "secret"}, "b": {"address": "r"}, "c": None}
    (entry,) = credentials_of({"settings": {"registryCredentials": named}})
    assert (entry.address, entry.username, entry.password) == ("r", "u", "secret")
    assert "secret" not in repr(entry)
    without: list[dict[str, Any]] = [{}, {"settings": None}, {"settings": {"registryCredentials": []}}]
    assert [credentials_of(runtime) for runtime in without] == [(), (), ()]
