"""The state folder: names, lock, sockets."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from edge_runtime.state_folder import (
    StateFolder,
    StateFolderError,
    StateFolderInUseError,
    StateLock,
    check_device_name,
    default_folder,
    remove_left_sockets,
    remove_sockets,
    socket_folder,
    write_private,
)


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    made = StateFolder(tmp_path / "state")
    made.create()
    return made


def test_the_default_follows_xdg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/xdg")
    assert default_folder("line-1") == Path("/xdg/edge-runtime/line-1")
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert default_folder("line-1") == Path("/home/me/.local/state/edge-runtime/line-1")


@pytest.mark.parametrize("name", ["edge", "line-1", "a.b_c", "x" * 128, "d:1"])
def test_device_names(name: str) -> None:
    assert check_device_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "a b", "ä", "x" * 129, "a\n", "a\0b"])
def test_names_that_no_device_has(name: str) -> None:
    with pytest.raises(ValueError, match="not a device id"):
        check_device_name(name)


def test_the_folder_is_for_its_user_alone(folder: StateFolder) -> None:
    assert folder.path.stat().st_mode & 0o777 == 0o700
    folder.create()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateFolderError, match=f"{tmp_path}/file/state"):
        StateFolder(tmp_path / "file" / "state").create()


def test_only_one_holds_the_lock_and_a_release_frees_it(folder: StateFolder) -> None:
    lock = StateLock(folder)
    with pytest.raises(StateFolderInUseError, match=f"process id {os.getpid()};"):
        StateLock(folder)
    lock.release()
    StateLock(folder).release()


def test_a_lock_file_that_a_killed_run_left_is_no_lock(folder: StateFolder) -> None:
    (folder.path / "lock").write_text("12345\n")
    StateLock(folder).release()


def test_sockets_lie_in_the_state_folder_when_their_paths_fit(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / ("s" * (107 - len(str(tmp_path)) - len("//s/camera/workload.sock"))))
    folder.create()
    sockets = socket_folder(folder, ["camera"])
    assert sockets == folder.path / "s"
    path = sockets / "camera" / "workload.sock"
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    assert len(str(path)) == 107
    remove_sockets(sockets)
    assert not sockets.exists()


def test_one_byte_more_puts_them_in_a_private_temporary_folder(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / ("s" * (108 - len(str(tmp_path)) - len("//s/camera/workload.sock"))))
    folder.create()
    sockets = socket_folder(folder, ["camera"])
    assert not sockets.is_relative_to(tmp_path)
    assert sockets.stat().st_mode & 0o777 == 0o700
    remove_sockets(sockets)
    assert not sockets.exists()


def test_a_module_name_that_fits_nowhere_is_refused_with_the_mend(folder: StateFolder) -> None:
    with pytest.raises(StateFolderError, match="shorter --state or module name"):
        socket_folder(folder, ["m" * 120])


def test_only_sockets_are_removed(folder: StateFolder) -> None:
    sockets = socket_folder(folder, [])
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(sockets / "control.sock"))
    (sockets / "camera").mkdir()
    for notes in ("notes.txt", "camera/notes.txt"):
        (sockets / notes).write_text("mine")
    remove_sockets(sockets)
    assert sorted(path.name for path in sockets.rglob("*")) == ["camera", "notes.txt", "notes.txt"]


@pytest.mark.parametrize("content", ["", "[]", '{"sockets": 5}', '{"sockets": "/"}', '{"sockets": "/tmp"}'])
def test_no_folder_is_removed_that_is_not_ours(folder: StateFolder, content: str) -> None:
    folder.hub_configuration.write_text(content)
    remove_left_sockets(folder)
    assert Path("/tmp").is_dir()


def test_a_left_temporary_folder_is_removed(folder: StateFolder, tmp_path: Path) -> None:
    long = StateFolder(tmp_path / ("l" * 100))
    long.create()
    sockets = socket_folder(long, [])
    write_private(long.hub_configuration, {"sockets": str(sockets)})
    remove_left_sockets(long)
    assert not sockets.exists()


def test_private_files_are_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "endpoints.json"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, {"token": "t"})
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text()) == {"token": "t"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["endpoints.json"]
