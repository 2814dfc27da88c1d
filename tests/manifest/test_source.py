from __future__ import annotations

from pathlib import Path

import pytest

from edge_runtime.manifest import Manifest, load
from tests.manifest.conftest import MODULE_JSON, TEMPLATE, Write, replaced


def with_image(write: Write, image: str, **changed: str) -> Manifest:
    template, _ = replaced(TEMPLATE, "${MODULES.eye}", image)
    return load(write(**{"deployment.template.json": template, **changed}), environment={})


TWO_PLATFORMS = MODULE_JSON.replace(
    '"amd64": "./Dockerfile.amd64"', '"amd64": "./Dockerfile.amd64", "amd64.debug": "./Dockerfile.amd64"'
)


@pytest.mark.parametrize(
    ("placeholder", "image"),
    [
        ("${MODULES.eye}", "127.0.0.1:5000/eye:1.0.0-amd64"),
        ("${MODULES.eye.amd64}", "127.0.0.1:5000/eye:1.0.0-amd64"),
        ("${MODULES.eye.debug}", "127.0.0.1:5000/eye:1.0.0-amd64.debug"),
        ("${MODULES.eye.amd64.debug}", "127.0.0.1:5000/eye:1.0.0-amd64.debug"),
        ("${MODULEDIR<modules/eye>}", "127.0.0.1:5000/eye:1.0.0-amd64"),
        ("${MODULEDIR<./modules/../modules/eye>.debug}", "127.0.0.1:5000/eye:1.0.0-amd64.debug"),
        ("nginx:latest", "nginx:latest"),
    ],
)
def test_placeholders(write: Write, placeholder: str, image: str) -> None:
    manifest = with_image(write, placeholder, **{"modules/eye/module.json": TWO_PLATFORMS})
    assert manifest.problems == ()
    assert manifest.modules[0].image == image


@pytest.mark.parametrize(
    ("image", "taken"),
    [
        ("nginx", "nginx:latest"),
        ("localhost:5000/team/eye", "localhost:5000/team/eye:latest"),
        ("localhost:5000/eye:2", "localhost:5000/eye:2"),
        ("eye@sha256:0123", "eye@sha256:0123"),
    ],
)
def test_an_image_without_tag_is_the_latest(write: Write, image: str, taken: str) -> None:
    assert with_image(write, image).modules[0].image == taken


@pytest.mark.parametrize(
    ("placeholder", "what", "mend"),
    [
        ("${MODULES.ear}", "${MODULES.ear} names no module", "there are: eye"),
        ("${MODULES.eye.arm32v7}", "has no platform 'arm32v7'", "there are: amd64"),
        ("${MODULES.eye.debug}", "has no platform 'amd64.debug'", "there are: amd64"),
        ("${MODULEDIR<../elsewhere>}", "names no module", "there are: eye"),
        ("x/${MODULES.eye}", "would stay in the manifest as text", "alone"),
    ],
)
def test_unknown_placeholders(write: Write, placeholder: str, what: str, mend: str) -> None:
    manifest = with_image(write, placeholder)
    (problem,) = manifest.problems
    _, line = replaced(TEMPLATE, "${MODULES.eye}", "")
    assert (problem.file, problem.line, problem.column) == (manifest.path, line, 24)
    assert what in problem.what
    assert mend in problem.mend
    assert manifest.modules[0].image == placeholder


def test_a_system_module_takes_no_placeholder_because_iotedgedev_leaves_it(write: Write) -> None:
    template, line = replaced(TEMPLATE, "hub:1.5", "${MODULES.eye}")
    (problem,) = load(write(**{"deployment.template.json": template}), environment={}).problems
    assert (problem.line, problem.column) == (line, 35)
    assert "alone, for a user module's image" in problem.mend


@pytest.mark.parametrize(
    ("old", "new", "column", "what"),
    [
        ('"repository": "${REGISTRY}/eye",', "", 12, "image.repository is missing"),
        ('"amd64": "./Dockerfile.amd64"', "", 20, "image.tag.platforms is missing or empty"),
        ("./Dockerfile.amd64", "./Dockerfile.x", 18, "the Dockerfile of platform 'amd64' is missing"),
        ('"language": "python"', '"language": python', 15, "not JSON: a value is expected"),
    ],
)
def test_what_can_be_wrong_in_module_json(write: Write, old: str, new: str, column: int, what: str) -> None:
    text, line = replaced(MODULE_JSON, old, new)
    problems = load(write(**{"modules/eye/module.json": text}), environment={}).problems
    problem = next(p for p in problems if p.file.name == "module.json")
    assert problem.what.startswith(what)
    assert problem.column == column
    assert problem.line in (line, line - 1)  # what is missing is said of the object around it


@pytest.mark.parametrize(
    "image",
    [
        "127.0.0.1:5000/eye:1.0.0-amd64",
        "127.0.0.1:5000/eye:0.9.0-amd64",  # generated before the version was raised
        "127.0.0.1:5000/eye:1.0.0-nightly-amd64",  # with iotedgedev's CONTAINER_TAG
        "acme.azurecr.io/eye:1.0.0-amd64",  # generated with another .env
    ],
)
def test_finds_the_source_of_a_generated_name(write: Write, tmp_path: Path, image: str) -> None:
    source = load(write(), environment={}).find_source(image)
    assert source is not None
    assert (source.folder, source.context) == (tmp_path / "modules" / "eye", tmp_path)
    assert source.dockerfile == tmp_path / "modules" / "eye" / "Dockerfile.amd64"


@pytest.mark.parametrize(
    "image",
    ["nginx", "127.0.0.1:5000/ear:1.0.0-amd64", "127.0.0.1:5000/eye:1.0.0-arm32v7", "a/b/eye:1-amd64"],
)
def test_a_foreign_image_has_no_source(write: Write, image: str) -> None:
    assert load(write(), environment={}).find_source(image) is None


def test_the_longest_platform_decides(write: Write) -> None:
    manifest = load(write(**{"modules/eye/module.json": TWO_PLATFORMS}), environment={})
    source = manifest.find_source("127.0.0.1:5000/eye:0.1-amd64.debug")
    assert source is not None
    assert source.platform == "amd64.debug"


def test_container_tag_and_upper_case(write: Write) -> None:
    text, _ = replaced(MODULE_JSON, "/eye", "/Eye")
    manifest = load(write(**{"modules/eye/module.json": text}), environment={"CONTAINER_TAG": "rc1"})
    assert manifest.modules[0].image == "127.0.0.1:5000/eye:1.0.0-rc1-amd64"


def test_build_arguments(write: Write) -> None:
    text, _ = replaced(
        MODULE_JSON,
        '"contextPath": "../.."',
        '"contextPath": "../..", "buildOptions": ["--build-arg=A=1", "--build-arg B=x=y", "--rm"]',
    )
    manifest = load(write(**{"modules/eye/module.json": text}), environment={})
    source = manifest.find_source(manifest.modules[0].image)
    assert source is not None
    assert source.build_arguments == {"A": "1", "B": "x=y"}
