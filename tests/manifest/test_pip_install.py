"""What pip installs in an image, read from RUN."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_runtime.manifest.dockerfile import DockerfileError, ImageRecipe, read
from edge_runtime.manifest.pip_install import PipInstall

END = 'CMD ["python3", "-u", "./main.py"]'


@pytest.fixture
def context(tmp_path: Path) -> Path:
    for name in ("requirements.txt", "main.py", "needs/base.txt", "dist/own-1-py3-none-any.whl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    return tmp_path


def recipe(context: Path, *lines: str, base: str = "amd64/python:3.11-slim") -> ImageRecipe:
    file = context / "Dockerfile"
    file.write_text("\n".join([f"FROM {base}", "WORKDIR /app", *lines, END]))
    return read(file, context)


def arguments(found: ImageRecipe, context: Path) -> list[str]:
    """Those of the only installation, with files relative to the context."""
    assert found.passed_over == ()
    (install,) = found.installs
    assert all(str(file) in install.arguments for file in install.files)
    return [word.removeprefix(f"{context}/") for word in install.arguments]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("pip install -r requirements.txt", ["--requirement", "requirements.txt"]),
        ("pip3 install --no-cache-dir -rrequirements.txt", ["--requirement", "requirements.txt"]),
        ("python3 -m pip install --requirement=requirements.txt -q", ["--requirement", "requirements.txt"]),
        ('["pip", "install", "-r", "requirements.txt"]', ["--requirement", "requirements.txt"]),
        ("/usr/local/bin/pip3.11 --no-cache-dir install numpy", ["numpy"]),
        ("apt-get update && pip install 'numpy>=1.24' ; rm -rf /x", ["numpy>=1.24"]),
        ("A=1 python -m pip install numpy -c needs/base.txt", ["numpy", "--constraint", "needs/base.txt"]),
        ("--mount=type=cache,target=/c pip install numpy", ["numpy"]),
        ("pip install ./dist/own-1-py3-none-any.whl", ["dist/own-1-py3-none-any.whl"]),
        ("pip install -U pip setuptools", ["setuptools"]),
        (
            "pip install a -i https://i/simple --pre b --no-deps --timeout 9",
            ["a", "b", "--index-url", "https://i/simple", "--no-deps", "--pre"],
        ),
    ],
)
def test_an_installation(context: Path, command: str, expected: list[str]) -> None:
    assert arguments(recipe(context, "COPY . .", f"RUN {command}"), context) == expected


@pytest.mark.parametrize(
    "command",
    ["apt-get install -y python3-pip", "pip --version", "pip install --upgrade pip", "echo pip install x"],
)
def test_other_commands_install_nothing(context: Path, command: str) -> None:
    found = recipe(context, f"RUN {command}")
    assert (found.installs, found.passed_over) == ((), ())


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ('pip install -r "needs/$(uname -m).txt"', "needs a shell"),
        ("pip install .", "folder"),
        ("pip install -e .", "-e"),
        ("pip install --target /opt numpy", "--target"),
        ("pip install -r", "-r"),
    ],
)
def test_what_cannot_be_read_is_told(context: Path, command: str, why: str) -> None:
    found = recipe(context, "COPY . .", f"RUN {command}")
    assert found.installs == ()
    (told,) = found.passed_over
    assert f"{context / 'Dockerfile'}:4: " in told
    assert why in told


def test_files_are_those_that_the_image_has_at_that_line(context: Path) -> None:
    found = recipe(
        context,
        "COPY requirements.txt ./",
        "COPY needs /tmp/needs",
        "RUN pip install -r requirements.txt",
        "WORKDIR /tmp/needs",
        "RUN pip install -r base.txt",
    )
    own = [
        (("--requirement", str(f)), (f,)) for f in (context / "requirements.txt", context / "needs/base.txt")
    ]
    assert found.installs == tuple(PipInstall(*pair) for pair in own)


@pytest.mark.parametrize("before", ["", "COPY main.py ./", "COPY requirements.txt /elsewhere/"])
def test_a_file_that_no_copy_brought_is_an_error_at_its_line(context: Path, before: str) -> None:
    with pytest.raises(DockerfileError, match=r"no COPY above it puts requirements\.txt") as error:
        recipe(context, before, "RUN pip install -r requirements.txt", "COPY . .")
    assert error.value.line == 4


def test_a_stage_installs_what_the_one_below_it_does(context: Path) -> None:
    (context / "Dockerfile").write_text(
        f"FROM python:3.9 AS base\nRUN pip install a\nFROM x AS other\nRUN pip install b\nFROM base\n"
        f"RUN pip install c\n{END}"
    )
    found = read(context / "Dockerfile", context)
    assert [install.arguments for install in found.installs] == [("a",), ("c",)]
    assert found.python == "3.9"


@pytest.mark.parametrize(
    ("base", "version"),
    [
        ("amd64/python:3.7-slim-buster", "3.7"),
        ("python:3.12", "3.12"),
        ("registry.local:5000/docker/python:3.11.4-bookworm", "3.11"),
        ("python:slim", ""),
        ("python", ""),
        ("debian:3.1", ""),
        ("pypython:3.1", ""),
    ],
)
def test_the_version_of_python_is_the_base_image_s(context: Path, base: str, version: str) -> None:
    assert recipe(context, base=base).python == version
