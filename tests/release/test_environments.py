"""`environments/*.env`: complete, without secrets, and fit for the template."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_runtime.manifest import load
from edge_runtime.manifest.check import check
from edge_runtime.manifest.env_file import entries
from edge_runtime.manifest.secret_check import SECRET_NAME

ROOT = Path(__file__).parents[2]
NAMES = ("dev", "test", "prod")
SECRETS = {
    "CONTAINER_REGISTRY_USERNAME",
    "CONTAINER_REGISTRY_PASSWORD",
    "IOTHUB_CONNECTION_STRING",
    "DEVICE_CONNECTION_STRING",
}
CREDENTIALS = {"CONTAINER_REGISTRY_USERNAME": "user", "CONTAINER_REGISTRY_PASSWORD": "word"}


def values(name: str) -> dict[str, str]:
    return {key: value for key, value, _ in entries(ROOT / "environments" / f"{name}.env")}


def test_there_are_these() -> None:
    assert {file.stem for file in (ROOT / "environments").iterdir()} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_has_each_variable_of_the_template_but_the_secrets(name: str) -> None:
    known = {key for key, _, _ in entries(ROOT / ".env.template")}
    own = set(values(name))
    assert known - own == SECRETS
    assert own - known == {"DEPLOY_TARGET_CONDITION", "DEPLOY_PRIORITY"}
    assert not [key for key in own if SECRET_NAME.search(key)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("template", ["deployment.template.json", "deployment.debug.template.json"])
def test_the_doctor_finds_nothing_in_the_template_with_it(name: str, template: str) -> None:
    file = ROOT / "environments" / f"{name}.env"
    assert check(load(ROOT / template, environment=CREDENTIALS, env_file=file, platform="amd64")) == []


def test_each_is_for_devices_of_its_own_from_one_registry() -> None:
    every = {name: values(name) for name in NAMES}
    assert {one["DEPLOY_TARGET_CONDITION"] for one in every.values()} == {
        f"tags.environment='{name}'" for name in NAMES
    }
    assert len({one["CONTAINER_REGISTRY_SERVER"] for one in every.values()}) == 1
    assert len({one["DEPLOY_PRIORITY"] for one in every.values()}) == len(NAMES)
