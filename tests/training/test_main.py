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


def test_without_data_the_option_and_the_variable_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--bundle", "seed"])
    assert "give --data DIR or set CIFAR10_DIR" in capsys.readouterr().err
