from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from release.images.registry import (
    CONTENT_LABEL,
    Login,
    Published,
    Registry,
    RegistryError,
    is_loopback,
    server_of,
)
from tests.e2e.docker.registry import Registry as BasicRegistry
from tests.release.images.token_registry import TokenRegistry, digest

Start = Callable[..., TokenRegistry]


@pytest.fixture
def token_registry() -> Iterator[Start]:
    started: list[TokenRegistry] = []

    def start(labels: dict[str, str] | None = None, password: str | None = None) -> TokenRegistry:
        started.append(TokenRegistry(labels, password))
        return started[-1]

    yield start
    for one in started:
        one.shutdown()
        one.server_close()


def test_tells_digest_content_and_what_a_device_downloads(token_registry: Start) -> None:
    server = token_registry({CONTENT_LABEL: "c" * 64})
    found = Registry(server.name, plain=True).published("team/eye", "1")
    assert found == Published(
        digest=digest(server.manifest),
        image_id=digest(server.config),
        content_sha256="c" * 64,
        size_bytes=1500 + len(server.config),
    )


@pytest.mark.parametrize("labels", [None, {}, {"other": "x"}])
def test_an_image_of_another_tool_has_no_content(
    token_registry: Start, labels: dict[str, str] | None
) -> None:
    found = Registry(token_registry(labels).name, plain=True).published("team/eye", "1")
    assert found is not None
    assert found.content_sha256 is None


@pytest.mark.parametrize(("path", "tag"), [("team/eye", "2"), ("team/ear", "1")])
def test_what_is_not_there_is_none(token_registry: Start, path: str, tag: str) -> None:
    assert Registry(token_registry().name, plain=True).published(path, tag) is None


def test_a_token_is_asked_for_once_for_each_repository(token_registry: Start) -> None:
    server = token_registry(password="secret")
    registry = Registry(server.name, Login("me", "secret"), plain=True)
    for path in ("team/eye", "team/eye", "team/ear"):
        registry.published(path, "1")
    assert server.scopes == ["repository:team/eye:pull", "repository:team/ear:pull"]


def test_a_token_of_docker_login_stands_for_name_and_password(token_registry: Start) -> None:
    server = token_registry(password="secret")
    assert Registry(server.name, Login("", "", "secret"), plain=True).published("team/eye", "1") is not None
    assert server.scopes == ["repository:team/eye:pull"]


@pytest.mark.parametrize("login", [None, Login("me", "wrong"), Login("", "", "wrong")])
def test_a_refused_login_says_how_to_log_in(token_registry: Start, login: Login | None) -> None:
    server = token_registry(password="secret")
    with pytest.raises(RegistryError, match=f"refuses .*docker login {server.name}") as caught:
        Registry(server.name, login, plain=True).published("team/eye", "1")
    assert "wrong" not in str(caught.value) + repr(login)


@pytest.mark.parametrize("login", [Login("me", "secret"), None])
def test_a_registry_with_basic_authentication(login: Login | None) -> None:
    server = BasicRegistry("me", "secret")
    registry = Registry(server.name, login, plain=True)
    if login:
        found = registry.published("anything", "latest")
        assert found is not None
        assert found.digest in server.manifest.decode() or found.image_id in server.blobs
    else:
        with pytest.raises(RegistryError, match="refuses"):
            registry.published("anything", "latest")
    server.shutdown()
    server.server_close()


def test_a_list_of_images_is_another_tool_s(token_registry: Start) -> None:
    found = Registry(token_registry().name, plain=True).published("team/eye", "list")
    assert found is not None
    assert found.content_sha256 is None


def test_nobody_there() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        name = f"127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(RegistryError, match=f"{name} does not answer: Connection refused"):
        Registry(name, plain=True).published("a", "1")


@pytest.mark.parametrize(
    ("repository", "expected"),
    [
        ("127.0.0.1:5000/a/b", ("127.0.0.1:5000", "a/b")),
        ("localhost/a", ("localhost", "a")),
        ("x.azurecr.io/camera", ("x.azurecr.io", "camera")),
        ("team/camera", ("registry-1.docker.io", "team/camera")),
        ("camera", ("registry-1.docker.io", "library/camera")),
        ("docker.io/team/camera", ("registry-1.docker.io", "team/camera")),
        ("index.docker.io/camera", ("registry-1.docker.io", "library/camera")),
    ],
)
def test_the_server_of_a_repository(repository: str, expected: tuple[str, str]) -> None:
    assert server_of(repository) == expected


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        *[("127.0.0.1:5000", True), ("127.1.2.3:80", True), ("localhost:5000", True), ("[::1]:5000", True)],
        *[("10.0.0.1:5000", False), ("x.azurecr.io", False)],
    ],
)
def test_engines_speak_http_with_loopback_alone(server: str, expected: bool) -> None:
    assert is_loopback(server) is expected
