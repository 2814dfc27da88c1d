from __future__ import annotations

from pathlib import Path

import pytest

from edge_runtime.manifest.env_file import variables
from edge_runtime.manifest.problem import ManifestError


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=file\nB=file\nC=${A}-${B}-${D:-default}\n")
    known = variables(tmp_path, {"A": "environment", "X": "1"})
    assert known.values == {"A": "environment", "B": "file", "C": "environment-file-default", "X": "1"}


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=1", "1"),
        ("A = 1 ", "1"),
        ("export A=1", "1"),
        ("A='x # y'", "x # y"),
        ('A="x\\ny"', "x\ny"),
        ("A=x # y", "x"),
        ("A=rtsp://h/p#frag", "rtsp://h/p#frag"),
        ("A=", ""),
    ],
)
def test_values_as_dotenv_reads_them(tmp_path: Path, line: str, value: str) -> None:
    (tmp_path / ".env").write_text(line)
    assert variables(tmp_path, {}).values == {"A": value}


def test_the_template_gives_the_defaults_of_a_fresh_clone(tmp_path: Path) -> None:
    (tmp_path / ".env.template").write_text("A=template\n")
    assert variables(tmp_path, {}).values["A"] == "template"
    (tmp_path / ".env").write_text("B=1\n")
    assert "A" not in variables(tmp_path, {}).values


def test_a_file_asked_for_comes_instead_of_the_default_one(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\n")
    (tmp_path / "prod.env").write_text("B=2\n")
    assert variables(tmp_path, {}, tmp_path / "prod.env").values == {"B": "2"}


@pytest.mark.parametrize(("text", "line"), [("A=1\nB\n", 2), ("A=1\n\n\n'unclosed\n", 4), ("A='x\n", 1)])
def test_a_malformed_line_is_named(tmp_path: Path, text: str, line: int) -> None:
    (tmp_path / ".env").write_text(text)
    (problem,) = variables(tmp_path, {}).problems
    assert (problem.file, problem.line) == (tmp_path / ".env", line)
    assert problem.what == "not a NAME=value line"
    assert "NAME=value, one a line" in problem.mend


def test_the_mend_of_a_missing_variable_points_to_its_explanation(tmp_path: Path) -> None:
    (tmp_path / ".env.template").write_text("# one\nA=1\n\n# two\nB=2\n")
    (tmp_path / ".env").write_text("A=1\n")
    mend = variables(tmp_path, {}).mend("B")
    assert mend == (
        f"set B=... in {tmp_path / '.env'}, or take ${{B}} out; {tmp_path / '.env.template'}:5 explains it"
    )


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "x.env"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(
        ManifestError, match=r"x\.env:1:1: cannot be read: (No such file|not UTF-8)"
    ) as caught:
        variables(tmp_path, {}, file)
    assert "--env-file" in caught.value.problems[0].mend
