from __future__ import annotations

from pathlib import Path

import pytest

from demo.options import parse_options


@pytest.mark.parametrize(
    ("arguments", "fps"),
    [
        ([], "10"),  # drawings: as a camera would
        (["--source", "cifar10:data"], "0"),  # a data set: as fast as the modules go
        (["--source", "folder:data"], "0"),
        (["--source", "cifar10:data", "--fps", "30"], "30"),
        (["--source", "rtsp://camera/1"], "10"),
        (["--fps", "0"], "0"),
    ],
)
def test_fps(arguments: list[str], fps: str) -> None:
    assert parse_options(arguments).variables()["CAMERA_FPS"] == fps


@pytest.mark.parametrize(
    ("source", "variable"),
    [
        ("sample:", "sample:"),
        ("cifar10:", "cifar10:"),  # no path: the camera downloads it
        ("cifar10:data?split=train", "cifar10:{cwd}/data?split=train"),
        ("folder:/abs/x", "folder:/abs/x"),
        ("rtsp://user:secret@host/1", "rtsp://user:secret@host/1"),
        ("mqtt://host/topic", "mqtt://host/topic"),
    ],
)
def test_paths_become_absolute(
    source: str, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_options(["--source", source]).variables()["CAMERA_SOURCE"] == variable.format(cwd=tmp_path)


@pytest.mark.parametrize(
    ("arguments", "variable"),
    [
        ([], None),  # what the environment says
        (["--model", "accurate"], "accurate"),
        (["--model", "./mine"], "{cwd}/mine"),
        (["--model", "/abs/mine"], "/abs/mine"),
    ],
)
def test_a_model_is_a_name_or_a_path(
    arguments: list[str], variable: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    wanted = variable and variable.format(cwd=tmp_path)
    assert parse_options(arguments).variables().get("CLASSIFIER_MODEL") == wanted


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--frames", "0"], "0 is not a positive number"),
        (["--duration", "-1"], "-1 is not a positive number"),
        (["--fps", "-2"], "-2 is negative"),
        (["--frames", "many"], "invalid"),
        (["--report", "/no/such/folder/r.json"], "/no/such/folder is not a folder"),
        (["--nonsense"], "unrecognized arguments"),
    ],
)
def test_bad_arguments(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_options(arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_the_manifest_is_relative_to_the_users_folder_and_the_default_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_options(["--manifest", "own.json"]).manifest == tmp_path / "own.json"
    assert parse_options([]).manifest.is_file()


def test_a_report_that_cannot_be_written_is_refused_before_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path, why in [(tmp_path, "is a folder"), (tmp_path / "no" / "r.json", "is not a folder")]:
        with pytest.raises(SystemExit) as refused:
            parse_options(["--report", str(path)])
        assert refused.value.code == 2
        assert why in capsys.readouterr().err
