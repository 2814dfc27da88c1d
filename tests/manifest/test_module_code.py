"""What the doctor reads out of the code of modules: the project's own, and small ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_runtime.manifest import Manifest, load
from edge_runtime.manifest.check import check
from edge_runtime.manifest.module_code import ModuleCode, code_of

ROOT = Path(__file__).parents[2]


def own(text: str, tmp_path: Path) -> Manifest:
    """The project's template with other text, over links to its modules."""
    for name in ("modules", "libs", ".env.template", ".dockerignore"):
        (tmp_path / name).symlink_to(ROOT / name)
    file = tmp_path / "deployment.template.json"
    file.write_text(text, encoding="utf-8")
    return load(file, environment={}, platform="amd64")


@pytest.mark.parametrize(
    ("output", "alarm"),
    [
        ("camera/outputs/frames", "image/jpeg"),
        ("classifier/outputs/predictions", None),
        ("results_filter/outputs/events", None),
    ],
)
def test_a_body_condition_on_the_project_s_own_outputs(
    tmp_path: Path, output: str, alarm: str | None
) -> None:
    text = (ROOT / "deployment.template.json").read_text(encoding="utf-8")
    route = f"FROM /messages/modules/{output} WHERE $body.schema = 'x' INTO $upstream"
    text = text.replace('"routes": {', f'"routes": {{\n"asked": "{route}",', 1)
    found = [p for p in check(own(text, tmp_path)) if p.rule.id == "route-body-not-json"]
    assert len(found) == (alarm is not None)
    for problem in found:
        assert str(alarm) in problem.what
        line = text.splitlines()[problem.line - 1]
        assert line[problem.column - 1 :].startswith("$body.schema")


@pytest.mark.parametrize(
    ("module", "name", "any_case"),
    [("camera", "frames", True), ("camera", "credits", False), ("classifier", "FRAMES", True)],
)
def test_the_project_s_own_names_are_known(module: str, name: str, any_case: bool) -> None:
    manifest = load(ROOT / "deployment.template.json", environment={}, platform="amd64")
    code = code_of(manifest, next(spec for spec in manifest.modules if spec.name == module))
    assert code.texts
    assert code.says(name, any_case=any_case)
    assert not code.says("fraems", any_case=True)
    assert code.near("fraems") == "did you mean 'frames'?"


def test_unknown_code_says_everything() -> None:
    assert ModuleCode().says("anything")
    assert ModuleCode().not_json("anything") == ""


SENDER = 'send(encode(), "out")\n'
JPEG, JSON = 'TYPE = "image/jpeg"\n', 'TYPE = "application/json"\n'


@pytest.mark.parametrize(
    ("head", "binary"),
    [
        ("import m.picture", True),
        ("from m.picture import encode", True),
        ("from m import picture", True),
        ("from m import (\n    picture,\n)", True),
        ("from .picture import encode", True),
        ("from . import picture", True),
        ("import m.picture\nfrom m import document", False),
        ("import m.both", False),  # which imports both
        ("", False),  # nothing known of what it sends
    ],
)
def test_content_types_are_followed_through_imports(head: str, binary: bool) -> None:
    files = {
        "sender": f"{head}\n{SENDER}",
        "picture": JPEG,
        "document": JSON,
        "both": "from m import picture, document",
    }
    code = ModuleCode({Path(f"/app/m/{name}.py"): text for name, text in files.items()})
    assert ("image/jpeg" in code.not_json("out")) is binary
