"""The files of an image without the image: links that stand where its COPY instructions put them.

A module started in its view finds what its container would find and nothing more: a library that the
Dockerfile forgets to copy is missing here too.

A view is built in a folder of its own and then put in its place in one step. A process that still runs in the view
before it writes there while the new one is built: Python makes the folders that it misses for its bytecode.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edge_runtime.agent.engine import EngineError

_UNFINISHED = "~"  # no module can be called so


@dataclass(frozen=True, slots=True)
class Script:
    """`path` in the image of `view`, `source` where it comes from."""

    view: ImageView
    path: PurePosixPath
    source: Path

    def take(self) -> None:
        """Put a copy of it, as it is now, in place of the link.

        Python follows the link of the file that it starts, and looks for imports beside what it finds there: things
        that the image lacks.
        """
        place = self.view.inside(self.path)
        place.unlink(missing_ok=True)
        shutil.copy2(self.source, place)


class ImageView:
    """A folder that stands for the root of an image. `root`: where it is now, an empty folder at first."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def settle(self, place: Path) -> None:
        """Put the view there; what was there before is gone."""
        while True:
            try:
                self.root.rename(place)
            except OSError as error:
                if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                    raise
                _discard(place)
            else:
                self.root = place
                return

    def inside(self, path: PurePosixPath) -> Path:
        """Where an absolute path of the image lies. Raises EngineError for one that leaves the image."""
        found = Path(os.path.normpath(self.root / path.relative_to("/")))
        if not found.is_relative_to(self.root):
            raise EngineError(f"{path} is outside the image")
        return found

    def folder(self, path: PurePosixPath) -> None:
        """Make a folder of the image, as WORKDIR does."""
        self._own(self.inside(path))

    def copy(self, source: Path, target: PurePosixPath) -> None:
        """A folder's content lands in `target`; a file becomes `target` itself."""
        destination = self.inside(target)
        if source.is_dir():
            self._link_folder(source, destination)
        else:
            self._link_file(source, destination)

    def script(self, folder: PurePosixPath, name: str) -> Script | None:
        """A Python file that is started by its path; None when the image has none there."""
        path = Path(os.path.normpath(self.inside(folder) / name))
        if not path.is_relative_to(self.root) or not path.is_file():
            return None
        source = path.resolve()
        self._own(path.parent)
        return Script(self, PurePosixPath("/", path.relative_to(self.root)), source)

    def translate(self, value: str) -> str:
        """Turn the paths of the image that exist in the view, in a list joined by `:`, into real ones."""
        return ":".join(self._translate(part) for part in value.split(":"))

    def _translate(self, part: str) -> str:
        path = PurePosixPath(part)
        if path.root != "/" or path == PurePosixPath("/") or ".." in path.parts:
            return part
        found = self.root / path.relative_to("/")
        return str(found) if found.exists() else part

    def _link_folder(self, source: Path, destination: Path) -> None:
        if not destination.exists():
            self._own(destination.parent)
            destination.symlink_to(source)
            return
        self._own(destination)
        for child in source.iterdir():
            if child.is_dir():
                self._link_folder(child, destination / child.name)
            else:
                self._link_file(child, destination / child.name)

    def _link_file(self, source: Path, destination: Path) -> None:
        self._own(destination.parent)
        destination.unlink(missing_ok=True)
        destination.symlink_to(source)

    def _own(self, folder: Path) -> None:
        """Make the folder one of the view, so that more can be put in without touching the source."""
        for part in (*reversed(folder.relative_to(self.root).parents), folder.relative_to(self.root)):
            step = self.root / part
            if step.is_symlink():
                linked = step.resolve()
                step.unlink()
                step.mkdir()
                for child in linked.iterdir():
                    (step / child.name).symlink_to(child)
            else:
                step.mkdir(exist_ok=True)


@contextlib.contextmanager
def new_view(views: Path) -> Iterator[ImageView]:
    """An empty view, as a newly created container has, in a folder below `views` that nobody else has.

    It goes at the end, unless it has been settled.
    """
    folder = _work_folder(views)
    try:
        yield ImageView(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def discard_unfinished(views: Path) -> None:
    """What builders left that were killed; call it when none is at work."""
    for folder in views.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _discard(place: Path) -> None:
    """Take a view away. A process may go on writing in it, so it is moved out of its place first."""
    aside = _work_folder(place.parent)
    with contextlib.suppress(FileNotFoundError):
        place.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def _work_folder(views: Path) -> Path:
    views.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=views, prefix=_UNFINISHED))
