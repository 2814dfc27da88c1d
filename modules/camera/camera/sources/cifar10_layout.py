"""Where the official CIFAR-10 files lie: in a folder or in an archive, in the binary or the python layout.

Archives are read as a stream, never unpacked, so a name in an archive can lead nowhere.
"""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO, Literal

from camera.sources.source import SourceUnavailableError

Split = Literal["test", "train"]


@dataclass(slots=True, frozen=True)
class Layout:
    """The file names of one official layout."""

    suffix: str
    meta: str

    def batches(self, split: Split) -> list[str]:
        """The split's batches in their order."""
        stems = ["test_batch"] if split == "test" else [f"data_batch_{n}" for n in range(1, 6)]
        return [stem + self.suffix for stem in stems]

    def files(self) -> set[str]:
        return {self.meta, *self.batches("test"), *self.batches("train")}


BINARY = Layout(suffix=".bin", meta="batches.meta.txt")
PYTHON = Layout(suffix="", meta="batches.meta")
FOLDERS = ("", "cifar-10-batches-bin", "cifar-10-batches-py")
ARCHIVES = ("cifar-10-binary.tar.gz", "cifar-10-python.tar.gz")


@dataclass(slots=True, frozen=True)
class DataSet:
    """One data set on disk.

    Attributes:
        place: the folder that holds the files, or the archive.
    """

    place: Path
    layout: Layout

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """The file called `name`; `SourceUnavailableError` when it is missing or the archive is damaged."""
        try:
            if self.place.is_dir():
                with (self.place / name).open("rb") as file:
                    yield file
            else:
                with tarfile.open(self.place, "r|*") as archive:
                    yield _member(archive, name, self.place)
        except FileNotFoundError:
            raise SourceUnavailableError(f"cifar10: {name} is missing in {self.place}") from None
        except (tarfile.TarError, EOFError, zlib.error, LZMAError) as error:
            raise SourceUnavailableError(f"cifar10: {self.place} is damaged: {error}") from None
        except OSError as error:
            raise SourceUnavailableError(f"cifar10: {self.place}: {error.strerror or error}") from None


def _member(archive: tarfile.TarFile, name: str, place: Path) -> IO[bytes]:
    for member in archive:
        if member.isreg() and PurePosixPath(member.name).name == name:
            file = archive.extractfile(member)
            if file is not None:
                return file
    raise SourceUnavailableError(f"cifar10: {name} is missing in {place}")


def find(path: Path) -> DataSet:
    """The data set at `path`: the folder of the files, a folder that holds it or the archive, or the archive."""
    if path.is_file():
        return DataSet(path, _layout_of_archive(path))
    if not path.exists():
        raise SourceUnavailableError(f"cifar10: {path} does not exist (in a container: is it mounted?)")
    for name in FOLDERS:
        for layout in (BINARY, PYTHON):
            if any((path / name / file).is_file() for file in layout.files() - {layout.meta}):
                return DataSet(path / name, layout)
    for name in ARCHIVES:
        if (path / name).is_file():
            return DataSet(path / name, _layout_of_archive(path / name))
    raise SourceUnavailableError(
        f"cifar10: {path} holds neither {FOLDERS[1]}, {FOLDERS[2]} nor {' or '.join(ARCHIVES)}"
        f" (for class folders of images use folder:{path})"
    )


def _layout_of_archive(archive: Path) -> Layout:
    try:
        with tarfile.open(archive, "r|*") as members:
            for member in members:
                for layout in (BINARY, PYTHON):
                    if member.isreg() and PurePosixPath(member.name).name in layout.files():
                        return layout
    except (tarfile.TarError, EOFError, zlib.error, LZMAError) as error:
        raise SourceUnavailableError(
            f"cifar10: {archive} is not a tar archive, or damaged: {error}"
        ) from None
    except OSError as error:
        raise SourceUnavailableError(f"cifar10: {archive}: {error.strerror or error}") from None
    raise SourceUnavailableError(
        f"cifar10: {archive} holds none of the official files ({BINARY.batches('test')[0]}...)"
    )
