"""The files of an image without the image: links that stand where its COPY instructions put them.

A module started in its view finds what its container would find and nothing more: a library that the
Dockerfile forgets to copy is missing here too.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edge_runtime.agent.engine import EngineError


@dataclass(frozen=True, slots=True)
class Script:
    """`path` in the view, `source` where it comes from."""

    path: Path
    source: Path

    def take(self) -> None:
        """Put a copy of it, as it is now, in place of the link.

        Python follows the link of the file that it starts, and looks for imports beside what it finds there: things
        that the image lacks.
        """
        self.path.unlink(missing_ok=True)
        shutil.copy2(self.source, self.path)


class ImageView:
    """A folder that stands for the root of an image."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def begin(self) -> None:
        """Start from nothing, as a newly created container does."""
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True)

    def inside(self, path: PurePosixPath) -> Path:
        """Where an absolute path of the image lies. Raises EngineError for one that leaves the image."""
        found = Path(os.path.normpath(self.root / path.relative_to("/")))
        if not found.is_relative_to(self.root):
            raise EngineError(f"{path} is outside the image")
        return found

    def folder(self, path: PurePosixPath) -> Path:
        """Make a folder of the image, as WORKDIR does."""
        found = self.inside(path)
        self._own(found)
        return found

    def copy(self, source: Path, target: PurePosixPath) -> None:
        """A folder's content lands in `target`; a file becomes `target` itself."""
        destination = self.inside(target)
        if source.is_dir():
            self._link_folder(source, destination)
        else:
            self._link_file(source, destination)

    def script(self, folder: Path, name: str) -> Script | None:
        """A Python file that is started by its path; None when the image has none there."""
        path = Path(os.path.normpath(folder / name))
        if not path.is_relative_to(self.root) or not path.is_file():
            return None
        source = path.resolve()
        self._own(path.parent)
        return Script(path, source)

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
