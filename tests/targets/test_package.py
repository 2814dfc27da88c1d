"""The folders that targets are deployed from hold all that their code imports, and no secret and no bytecode."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from targets.package import main

OURS = ("image_classifier", "module_kit", "targets")


def imported(code: Path) -> Iterator[str]:
    """What the target's own files import of ours, from the files that the service starts on."""
    seen: set[str] = set()
    waiting = sorted(code.glob("*.py"))
    while waiting:
        for node in ast.walk(ast.parse(waiting.pop().read_text())):
            names = [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                if name.split(".")[0] in OURS and name not in seen:
                    seen.add(name)
                    yield name
                    file = code / Path(*name.split(".")).with_suffix(".py")
                    waiting += [file] if file.exists() else []


@pytest.mark.parametrize(("target", "code", "starts"), [
    ("azureml", "code", {"score.py", "batch_score.py"}),
    ("functions", ".", {"function_app.py", "host.json", "requirements.txt"}),
])  # fmt: skip
def test_the_folder_holds_what_its_code_imports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], target: str, code: str, starts: set[str]
) -> None:
    assert main([target, str(tmp_path / "new")]) == 0
    assert f"all that {target} is deployed from" in capsys.readouterr().out
    folder = tmp_path / "new" / code
    assert starts <= {file.name for file in folder.iterdir()}
    names = set(imported(folder))
    assert {"targets.scoring_request", "image_classifier.classifier"} <= names
    for name in names:
        path = folder / Path(*name.split("."))
        assert path.with_suffix(".py").is_file() or (path / "__init__.py").is_file(), name
    for bundle in ("fast", "accurate"):
        assert (folder / "image_classifier" / "bundles" / bundle / "bundle.json").is_file()
    assert not [
        file for file in (tmp_path / "new").rglob("*") if file.suffix == ".pyc" or ".env" in file.name
    ]


def test_a_folder_that_holds_something_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").write_text("x")
    assert main(["azureml", str(tmp_path)]) == 1
    assert "exists; name another folder, or empty it" in capsys.readouterr().err
    assert main(["azureml", "/proc/new"]) == 1
    assert "cannot be written" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(("conda", "service"), [
    ("conda.yml", "azureml-inference-server-http"),
    ("conda-batch.yml", "azureml-core"),
])  # fmt: skip
def test_conda_pins_what_the_lock_pins(tmp_path: Path, conda: str, service: str) -> None:
    assert main(["azureml", str(tmp_path)]) == 0
    lines = (tmp_path / conda).read_text().splitlines()
    pins = [line.split("- ")[1] for line in lines if "==" in line]
    assert {pin.split("==")[0] for pin in pins} >= {service, "ai-edge-litert", "pillow", "numpy"}
    assert all(pin.count("==") == 1 and " " not in pin for pin in pins)
