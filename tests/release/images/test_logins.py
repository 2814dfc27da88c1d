from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from release.images.logins import logins
from release.images.registry import Login


@pytest.fixture(autouse=True)
def _nobody_is_logged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path / "none"))


def test_the_variables_of_env_name_each_registry() -> None:
    find = logins(
        {
            "CONTAINER_REGISTRY_SERVER": "A.io",
            "CONTAINER_REGISTRY_USERNAME": "a",
            "CONTAINER_REGISTRY_PASSWORD": "1",
            "CONTAINER_REGISTRY_SERVER_B": "b.io",
            "CONTAINER_REGISTRY_USERNAME_B": "b",
            "CONTAINER_REGISTRY_PASSWORD_B": "2",
        }
    )
    assert (find("a.io"), find("b.io")) == (Login("a", "1"), Login("b", "2"))


@pytest.mark.parametrize(
    ("server", "host"),
    [("a.io/team", "a.io"), ("team", "registry-1.docker.io"), ("docker.io/team", "registry-1.docker.io")],
)
def test_a_variable_may_name_more_than_the_server(server: str, host: str) -> None:
    names = ("CONTAINER_REGISTRY_SERVER", "CONTAINER_REGISTRY_USERNAME", "CONTAINER_REGISTRY_PASSWORD")
    assert logins(dict(zip(names, (server, "a", "1"), strict=True)))(host) == Login("a", "1")


@pytest.mark.parametrize(
    ("auths", "expected"),
    [
        ({}, Login("pulls", "alone")),
        ({"c.io": {"auth": "Yzoz"}}, Login("c", "3")),
        ({"c.io": {"auth": "Yzoz", "identitytoken": "t"}}, Login("", "", "t")),
    ],
)
def test_docker_login_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, auths: dict[str, object], expected: Login
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"auths": auths}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    names = ("CONTAINER_REGISTRY_SERVER", "CONTAINER_REGISTRY_USERNAME", "CONTAINER_REGISTRY_PASSWORD")
    assert logins(dict(zip(names, ("c.io", "pulls", "alone"), strict=True)))("c.io") == expected


@pytest.mark.parametrize(
    ("username", "expected"), [("me", Login("me", "s")), ("<token>", Login("", "", "s")), ("", None)]
)
def test_a_credential_helper_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, username: str, expected: Login | None
) -> None:
    helper = tmp_path / "docker-credential-shelf"
    answer = json.dumps({"Username": username, "Secret": "s"})
    helper.write_text(f"#!/bin/sh\necho '{answer}'\n")
    helper.chmod(0o755)
    (tmp_path / "config.json").write_text(json.dumps({"credsStore": "shelf"}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert logins({})("c.io") == expected


def test_docker_hub_s_login_has_a_name_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    auths = {"https://index.docker.io/v1/": {"auth": "Yzoz"}}
    (tmp_path / "config.json").write_text(json.dumps({"auths": auths}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    assert logins({})("registry-1.docker.io") == Login("c", "3")
