"""What of the machine's files the page serves: its own, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from yarl import URL

from edge_runtime.page import static_files
from edge_runtime.page.static_files import TYPES, find
from tests.page.conftest import Page


async def test_the_page_is_served_without_a_token(bare: Page) -> None:
    async with bare.http.get("/", headers={"Authorization": ""}) as response:
        assert (response.status, response.content_type) == (200, "text/html")
        assert "<!doctype html>" in await response.text()


async def test_every_file_that_the_page_names_is_there_and_of_a_type_that_runs(bare: Page) -> None:
    for file in static_files.FOLDER.rglob("*"):
        if file.suffix in TYPES:
            path = file.relative_to(static_files.FOLDER).as_posix()
            async with bare.http.get(f"/{path}", headers={"Authorization": ""}) as response:
                assert (response.status, response.headers["Content-Type"]) == (200, TYPES[file.suffix])
                assert await response.read() == file.read_bytes()


async def test_a_file_that_the_browser_has_is_not_sent_again(bare: Page) -> None:
    async with bare.http.get("/") as first:
        tag = first.headers["Etag"]
    async with bare.http.get("/", headers={"If-None-Match": tag}) as again:
        assert again.status == 304


@pytest.mark.parametrize(
    "path",
    [
        "/../server.py",
        "/%2e%2e/server.py",
        "/panels/..%2f..%2fserver.py",
        "/..%5cserver.py",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/....//server.py",
        "/index.html%00.js",
        "/panels",
        "/panels/",
        "/nothing.js",
        "/" + "a" * 5000,
    ],
)
async def test_nothing_beside_the_page_s_files_is_served(bare: Page, path: str) -> None:
    url = URL(f"http://{bare.address}{path}", encoded=True)
    async with bare.http.get(url) as response:
        assert response.status in {400, 404}
        assert "import" not in await response.text()


def test_links_out_of_the_folder_and_other_types_are_not_found(tmp_path: Path) -> None:
    folder = tmp_path / "static"
    folder.mkdir()
    (tmp_path / "secret.js").write_text("secret")
    (folder / "link.js").symlink_to(tmp_path / "secret.js")
    (folder / "notes.txt").write_text("x")
    (folder / "app.js").write_text("x")
    (folder / "folder.js").mkdir()
    assert find("app.js", folder) == folder / "app.js"
    names = ["link.js", "notes.txt", "folder.js", "../secret.js", str(tmp_path / "secret.js"), "a\0.js", ""]
    assert [find(name, folder) for name in names] == [None] * len(names)
