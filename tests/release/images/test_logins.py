from __future__ import annotations

import json
from pathlib import Path

import pytest

from release.images.logins import logins
from release.images.registry import Login


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


@pytest.mark.parametrize("auths", [{}, {"c.io": {"auth": "Yzoz"}}])
def test_else_it_is_docker_login_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, auths: dict[str, object]
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"auths": auths}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    find = logins({"CONTAINER_REGISTRY_SERVER": "c.io", "CONTAINER_REGISTRY_USERNAME": ""})
    assert find("c.io") == (Login("c", "3") if auths else None)
