"""The front end's files. They hold nothing secret, and need no token."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from aiohttp import web

from edge_runtime.page.json_http import RequestError

FOLDER = Path(__file__).parent / "static"
INDEX = "index.html"
# Not what the machine's own tables say: a script of another type would not run.
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
}


def find(name: str, folder: Path = FOLDER) -> Path | None:
    """The file of this name below the folder, links followed; None for any other, and for types that are not served."""
    try:
        path = (folder / (name or INDEX)).resolve()
        served = path.is_relative_to(folder.resolve()) and path.suffix in TYPES and path.is_file()
    except (OSError, ValueError):
        return None
    return path if served else None


async def static_file(request: web.Request) -> web.StreamResponse:
    """`/` is the page; raises RequestError for what is not there."""
    path = find(request.match_info["name"])
    if path is None:
        raise RequestError(HTTPStatus.NOT_FOUND, "the page has no such file")
    headers = {"Content-Type": TYPES[path.suffix], "Cache-Control": "no-cache"}
    return web.FileResponse(path, headers=headers)
