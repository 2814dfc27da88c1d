"""The view of an image: links where COPY puts files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from edge_runtime.agent.engine import EngineError
from edge_runtime.agent.image_view import ImageView, discard_unfinished, new_view

APP = PurePosixPath("/app")


@pytest.fixture
def context(tmp_path: Path) -> Path:
    for name in ("libs/kit/__init__.py", "libs/kit/deep/a.py", "camera/camera/__main__.py", "extra.py"):
        path = tmp_path / "context" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "context"


@pytest.fixture
def view(tmp_path: Path) -> Iterator[ImageView]:
    with new_view(tmp_path / "views") as made:
        made.folder(APP)
        yield made


def files(view: ImageView) -> dict[str, str]:
    """Every file that a process would see, links followed."""
    found: dict[str, str] = {}

    def walk(folder: Path, name: str) -> None:
        for entry in folder.iterdir():
            path = f"{name}/{entry.name}"
            if entry.is_dir():
                walk(entry, path)
            else:
                found[path] = entry.read_text()

    walk(view.root, "")
    return found


def test_a_folder_s_content_lands_in_the_target(context: Path, view: ImageView) -> None:
    view.copy(context / "libs/kit", APP / "kit")
    assert files(view) == {
        "/app/kit/__init__.py": "libs/kit/__init__.py",
        "/app/kit/deep/a.py": "libs/kit/deep/a.py",
    }


def test_into_a_folder_that_is_there_contents_merge(context: Path, view: ImageView) -> None:
    view.copy(context / "libs", APP)
    view.copy(context / "camera", APP)
    assert set(files(view)) == {"/app/kit/__init__.py", "/app/kit/deep/a.py", "/app/camera/__main__.py"}


def test_a_file_becomes_the_target_and_a_later_one_replaces_it(context: Path, view: ImageView) -> None:
    view.copy(context / "extra.py", APP / "start.py")
    view.copy(context / "camera/camera/__main__.py", APP / "start.py")
    assert files(view) == {"/app/start.py": "camera/camera/__main__.py"}


def test_a_copy_below_a_linked_folder_leaves_the_source_alone(context: Path, view: ImageView) -> None:
    view.copy(context / "libs/kit", APP / "kit")
    view.copy(context / "extra.py", APP / "kit/deep/b.py")
    assert files(view)["/app/kit/deep/b.py"] == "extra.py"
    assert files(view)["/app/kit/deep/a.py"] == "libs/kit/deep/a.py"
    assert not (context / "libs/kit/deep/b.py").exists()


def test_what_was_there_goes_and_nothing_of_its_source(
    context: Path, view: ImageView, tmp_path: Path
) -> None:
    views = tmp_path / "views"
    view.copy(context / "libs", APP / "libs")
    view.settle(views / "camera")
    with new_view(views) as following:
        following.copy(context / "extra.py", APP / "extra.py")
        following.settle(views / "camera")
    assert following.root == views / "camera"
    assert files(following) == {"/app/extra.py": "extra.py"}
    assert (context / "libs/kit/__init__.py").exists()


def test_a_process_that_runs_in_the_old_view_writes_while_the_new_one_is_built(
    context: Path, tmp_path: Path
) -> None:
    place = tmp_path / "views" / "camera"
    with new_view(tmp_path / "views") as following:
        # Python makes each folder on the way to the bytecode that it writes.
        (place / "app/camera/__pycache__").mkdir(parents=True)
        following.copy(context / "extra.py", APP / "extra.py")
        following.settle(place)
    assert files(following) == {"/app/extra.py": "extra.py"}
    assert list((tmp_path / "views").iterdir()) == [place]


def test_what_a_killed_builder_left_goes_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "camera").mkdir()
    with new_view(tmp_path) as view:
        view.folder(APP)
        discard_unfinished(tmp_path)
        assert list(tmp_path.iterdir()) == [tmp_path / "camera"]


def test_two_builders_of_one_view_do_not_meet(context: Path, view: ImageView, tmp_path: Path) -> None:
    place = tmp_path / "views" / "camera"
    view.copy(context / "libs/kit", APP / "kit")
    with new_view(tmp_path / "views") as other:
        other.copy(context / "extra.py", APP / "kit")
        view.settle(place)
        assert set(files(view)) == {"/app/kit/__init__.py", "/app/kit/deep/a.py"}
        other.settle(place)
    assert files(other) == {"/app/kit": "extra.py"}


def test_a_view_that_is_not_finished_leaves_nothing(context: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError), new_view(tmp_path / "views") as view:
        view.copy(context / "libs", PurePosixPath("/../outside"))
    assert list((tmp_path / "views").iterdir()) == []


def test_a_changed_source_is_seen(context: Path, view: ImageView) -> None:
    view.copy(context / "libs/kit", APP / "kit")
    (context / "libs/kit/new.py").write_text("new")
    assert files(view)["/app/kit/new.py"] == "new"


@pytest.mark.parametrize("path", ["/../outside", "/app/../../outside"])
def test_nothing_is_put_outside(context: Path, view: ImageView, path: str) -> None:
    with pytest.raises(EngineError, match="outside the image"):
        view.copy(context / "libs", PurePosixPath(path))


@pytest.mark.parametrize(
    ("value", "translated"),
    [
        ("/app/kit", "{root}/app/kit"),
        ("/app:/app/kit:/usr/lib", "{root}/app:{root}/app/kit:/usr/lib"),
        ("/app/none", "/app/none"),  # not in the image: perhaps a path of the machine
        ("app", "app"),
        ("/", "/"),
        ("", ""),
        ("/app/../..", "/app/../.."),
        ("rtsp://user@camera/app", "rtsp://user@camera/app"),
        ("\0", "\0"),
    ],
)
def test_paths_of_the_image_become_real(context: Path, view: ImageView, value: str, translated: str) -> None:
    view.copy(context / "libs/kit", APP / "kit")
    assert view.translate(value) == translated.format(root=view.root)


def test_a_script_is_a_copy_whose_folder_is_the_view_s(context: Path, view: ImageView) -> None:
    view.copy(context / "libs", APP / "libs")
    script = view.script(APP, "./libs/kit/__init__.py")
    assert script is not None
    for text in ("first", "second"):
        (context / "libs/kit/__init__.py").write_text(text)
        script.take()
        assert (view.root / "app/libs/kit/__init__.py").read_text() == text
    assert not (view.root / "app/libs/kit/__init__.py").is_symlink()
    assert (context / "libs/kit/deep/a.py").exists()
    assert files(view)["/app/libs/kit/deep/a.py"] == "libs/kit/deep/a.py"


@pytest.mark.parametrize("name", ["none.py", "kit", "../../outside.py", "/usr/bin/env"])
def test_what_is_no_file_of_the_image_is_no_script(context: Path, view: ImageView, name: str) -> None:
    (view.root.parent / "outside.py").write_text("")
    view.copy(context / "libs/kit", APP / "kit")
    assert view.script(APP, name) is None
