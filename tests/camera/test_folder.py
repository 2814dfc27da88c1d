from __future__ import annotations

import asyncio
import os
import random
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camera.picture import ImageFile, Picture
from camera.sources import folder_file, folder_listing
from camera.sources.folder import FolderSource
from camera.sources.source import SourceUnavailableError
from tests.camera.fakes import Events, take
from tests.camera.pictures import jpeg, png
from tests.patience import PATIENCE_S


def old(path: Path, body: bytes) -> Path:
    """A file that nobody is writing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    return path


def bodies(pictures: list[Picture]) -> list[bytes]:
    return [picture.body for picture in pictures if isinstance(picture, ImageFile)]


async def test_files_come_byte_for_byte_in_sorted_order_with_labels(tmp_path: Path) -> None:
    expected = {
        "a.jpg": (jpeg(1), None),
        "z.png": (png(2), None),
        "cat/01.jpg": (jpeg(3), "cat"),
        "cat/02.jpg": (jpeg(4), "cat"),
        "dog/00.png": (png(5), "dog"),
        "sets/frog/1.jpeg": (jpeg(6), "frog"),
    }
    for name, (body, _) in reversed(expected.items()):
        old(tmp_path / name, body)
    pictures = await take(FolderSource(tmp_path, Events()))
    assert [(p.body, p.label) for p in pictures if isinstance(p, ImageFile)] == list(expected.values())


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("notes.txt", b"hello", "not_an_image"),
        ("page.jpg", b"<html>not found</html>", "not_an_image"),
        ("empty.jpg", b"", "not_an_image"),
        ("moving.gif", b"GIF89a" + bytes(100), "not_an_image"),
        ("cut.jpg", jpeg()[:-2], "incomplete"),
        ("cut.png", png()[:-9], "incomplete"),
        ("zeros.jpg", bytes(5000), "not_an_image"),  # what a power cut leaves
    ],
)
async def test_what_is_no_whole_image_is_counted(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    old(tmp_path / name, content)
    old(tmp_path / "good.jpg", jpeg())
    events = Events()
    assert bodies(await take(FolderSource(tmp_path, events))) == [jpeg()]
    assert events.drops == {reason: 1}


async def test_data_behind_the_trailer_is_fine_in_a_settled_file(tmp_path: Path) -> None:
    body = jpeg() + b"maker's notes"
    old(tmp_path / "samsung.jpg", body)
    assert bodies(await take(FolderSource(tmp_path, Events()))) == [body]


async def test_a_file_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_file, "MAXIMUM_FILE_BYTES", 3000)
    old(tmp_path / "big.jpg", jpeg(side=200))
    old(tmp_path / "small.jpg", jpeg())
    events = Events()
    assert bodies(await take(FolderSource(tmp_path, events))) == [jpeg()]
    assert events.drops == {"file_too_large": 1}


async def test_nothing_outside_the_folder_is_read(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    old(outside / "secret.jpg", jpeg(9))
    old(inside / "real.jpg", jpeg(1))
    (inside / "link.jpg").symlink_to(outside / "secret.jpg")
    (inside / "relative.jpg").symlink_to("../out/secret.jpg")
    (inside / "twin.jpg").symlink_to("real.jpg")  # a link within the folder is fine
    (inside / "dangling.jpg").symlink_to("nothing.jpg")
    (inside / "folder").symlink_to(outside)
    (inside / "circle").symlink_to(inside)
    os.mkfifo(inside / "pipe.jpg")
    events = Events()
    assert bodies(await take(FolderSource(inside, events))) == [jpeg(1), jpeg(1)]
    assert events.drops == {"link_out_of_folder": 2, "dangling_link": 1, "not_a_file": 1}


async def test_a_folder_that_is_a_link_itself_is_fine(tmp_path: Path) -> None:
    old(tmp_path / "real" / "a.jpg", jpeg())
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert len(await take(FolderSource(tmp_path / "link", Events()))) == 1


def _file(path: Path) -> Path:
    path.write_text("x")
    return path


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda path: path / "nowhere", "does not exist"),
        (lambda path: _file(path / "file"), "not a folder"),
        (lambda path: path, "no readable JPEG or PNG"),
    ],
)
async def test_a_folder_without_pictures_is_an_error(
    tmp_path: Path, make: Callable[[Path], Path], part: str
) -> None:
    with pytest.raises(SourceUnavailableError, match=part) as caught:
        await take(FolderSource(make(tmp_path), Events()))
    assert str(tmp_path) in str(caught.value)


async def test_files_that_vanish_meanwhile_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        old(tmp_path / f"{number:02}.jpg", jpeg(number))
    events = Events()
    seen: list[Picture] = []
    async with aclosing(FolderSource(tmp_path, events).pictures()) as pictures:
        async for picture in pictures:
            seen.append(picture)
            if len(seen) == 1:
                for number in range(20, 30):
                    (tmp_path / f"{number:02}.jpg").unlink()
    assert len(seen) == 30
    assert events.drops == {"vanished": 10}


async def test_a_file_being_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    body = jpeg(side=300)
    old(tmp_path / "old.jpg", jpeg())
    growing = tmp_path / "growing.jpg"
    growing.write_bytes(body[:100])

    def write_on() -> None:
        for end in range(2000, len(body) + 2000, 2000):
            time.sleep(0.05)
            with growing.open("r+b") as file:
                file.seek(0, os.SEEK_END)
                file.write(body[file.tell() : end])

    writer = threading.Thread(target=write_on)
    writer.start()
    events = Events()
    assert bodies(await take(FolderSource(tmp_path, events))) == [jpeg(), body]
    writer.join()
    assert not events.drops


async def test_a_file_that_stays_cut_is_given_up_once(tmp_path: Path) -> None:
    (tmp_path / "cut.jpg").write_bytes(jpeg()[:-10])
    old(tmp_path / "good.jpg", jpeg(1))
    events = Events()
    assert len(await take(FolderSource(tmp_path, events))) == 1
    assert events.drops == {"incomplete": 1}


async def test_following_gives_new_and_rewritten_files_once(tmp_path: Path) -> None:
    old(tmp_path / "b.jpg", jpeg(1))
    source = FolderSource(tmp_path, Events(), follow=True)
    async with asyncio.timeout(PATIENCE_S), aclosing(source.pictures()) as pictures:
        assert bodies([await anext(pictures)]) == [jpeg(1)]
        (tmp_path / ".hidden.tmp").write_bytes(jpeg(2))
        (tmp_path / ".hidden.tmp").rename(tmp_path / "a.jpg")  # sorts before what was read
        assert bodies([await anext(pictures)]) == [jpeg(2)]
        (tmp_path / "b.jpg").write_bytes(jpeg(3))
        assert bodies([await anext(pictures)]) == [jpeg(3)]
        (tmp_path / "a.jpg").chmod(0o600)  # touched, but nothing new in it
        (tmp_path / "new" / "cat").mkdir(parents=True)
        (tmp_path / "new" / "cat" / "1.jpg").write_bytes(jpeg(4))
        picture = await anext(pictures)
        assert isinstance(picture, ImageFile)
        assert (picture.body, picture.label) == (jpeg(4), "cat")


async def test_following_does_not_repeat_itself_after_the_folder_was_away(tmp_path: Path) -> None:
    folder = tmp_path / "mount"
    old(folder / "a.jpg", jpeg(1))
    source = FolderSource(folder, Events(), follow=True)
    assert bodies(await take(source, 1)) == [jpeg(1)]
    async with asyncio.timeout(PATIENCE_S), aclosing(source.pictures()) as pictures:
        waiting = asyncio.ensure_future(anext(pictures))
        await asyncio.sleep(0.6)
        folder.rename(tmp_path / "away")
        with pytest.raises(SourceUnavailableError):
            await waiting
    (tmp_path / "away").rename(folder)
    old(folder / "b.jpg", jpeg(2))
    assert bodies(await take(source, 1)) == [jpeg(2)]


async def test_race_of_writers_never_gives_half_a_picture(tmp_path: Path) -> None:
    """Writers in place, by rename and with pauses, against a reader that follows."""
    wanted = [jpeg(seed, side=80) for seed in range(30)]

    def write(part: list[bytes], folder: Path) -> None:
        draw = random.Random(len(part))  # noqa: S311
        folder.mkdir()
        for number, body in enumerate(part):
            target = folder / f"{number}.jpg"
            if draw.random() < 0.3:
                target.with_suffix(".part").write_bytes(body)
                target.with_suffix(".part").rename(target)
                continue
            with target.open("wb", buffering=0) as file:
                for start in range(0, len(body), 500):
                    file.write(body[start : start + 500])
                    time.sleep(draw.random() * 0.004)

    writers = [threading.Thread(target=write, args=(wanted[i::2], tmp_path / str(i))) for i in range(2)]
    for writer in writers:
        writer.start()
    seen = set(bodies(await take(FolderSource(tmp_path, Events(), follow=True), 30, timeout_s=PATIENCE_S)))
    for writer in writers:
        writer.join()
    assert seen == set(wanted)


@given(st.sets(st.from_regex(r"[a-c]{1,6}\.jpg", fullmatch=True), max_size=60), st.integers(1, 9))
def test_listing_in_windows_is_the_sorted_listing(names: set[str], window: int) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(folder_listing, "WINDOW", window)
        for name in names:
            (Path(folder) / name).touch()
        assert [path.name for path in folder_listing.sorted_files(Path(folder))] == sorted(names)


async def test_a_closed_source_stops_reading(tmp_path: Path) -> None:
    for number in range(200):
        old(tmp_path / f"{number:03}.jpg", jpeg())
    assert len(await take(FolderSource(tmp_path, Events()), 3)) == 3
    before = open_files()
    for _ in range(20):
        await take(FolderSource(tmp_path, Events()), 1)
    assert open_files() <= before + 2


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
