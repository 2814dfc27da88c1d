"""`scripts/train` refuses bad options and data before TensorFlow is imported, with a message and no trace."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from training.__main__ import main


@pytest.fixture(autouse=True)
def no_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CIFAR10_DIR", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bundle", "sead", "--data", "/absent"], "sead: No such file"),
        (
            ["--bundle", "seed", "--data", "/absent"],
            "/absent: does not exist; give --data or set CIFAR10_DIR",
        ),
    ],
)
def test_what_is_missing_is_named(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    assert message in capsys.readouterr().err
    assert "tensorflow" not in sys.modules


def exit_code(arguments: list[str]) -> int:
    """Of the command, whether it says so itself or a process that it starts."""
    try:
        return main(arguments)
    except SystemExit as ended:
        return int(str(ended.code))


@pytest.mark.parametrize("model", [[], ["--from-keras", "x.keras", "--labels", "x.txt"]])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--out", "."], "exists and is no bundle"),
        (["--out", "Mine"], "'Mine' is no name of a bundle"),
        (["--bundle", "../seed"], "'../seed' is no name of a bundle"),
    ],
)
def test_a_place_that_no_bundle_can_have_is_refused_before_the_long_part(
    model: list[str],
    options: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "file").write_text("")
    monkeypatch.chdir(folder)
    first = model or ["--bundle", "seed", "--data", "/absent"]
    assert exit_code([*first, *options]) == 2
    assert message in capfd.readouterr().err


@pytest.mark.parametrize("options", [["--margin", "7"], ["--bundle-version", "x"], ["--pictures", "0"]])
def test_what_the_document_may_not_say_is_refused_before_the_conversion(
    options: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(["--from-keras", "x.keras", "--labels", "x.txt", *options]) == 2
    assert f"{options[0]}: " in capfd.readouterr().err


def test_without_data_the_option_and_the_variable_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--bundle", "seed"])
    assert "give --data DIR or set CIFAR10_DIR" in capsys.readouterr().err
