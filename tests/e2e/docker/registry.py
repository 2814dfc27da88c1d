"""A registry that holds one image, hands it out to one user, and remembers who asked."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


class Registry(ThreadingHTTPServer):
    """HTTP on 127.0.0.1, which a Docker engine takes for what it is; Basic authentication. `name` is its address."""

    daemon_threads = True

    def __init__(self, username: str, password: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name = f"127.0.0.1:{self.server_address[1]}"
        self.expected = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
        self.asked: list[str] = []
        layer = _layer()
        configuration = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {"Cmd": ["/no-such-program"]},
                "rootfs": {"type": "layers", "diff_ids": [_digest(gzip.decompress(layer))]},
            }
        ).encode()
        self.blobs = {_digest(blob): blob for blob in (layer, configuration)}
        self.manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": _MANIFEST,
                "config": _described("application/vnd.docker.container.image.v1+json", configuration),
                "layers": [_described("application/vnd.docker.image.rootfs.diff.tar.gzip", layer)],
            }
        ).encode()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        if self.headers.get("Authorization") != self.server.expected:
            self._answer(401, b"{}", {"WWW-Authenticate": 'Basic realm="test"'})
            return
        self.server.asked.append(self.path)
        *_, kind, reference = self.path.rstrip("/").split("/")
        if kind == "manifests" and reference in {"latest", _digest(self.server.manifest)}:
            digest = {"Docker-Content-Digest": _digest(self.server.manifest)}
            self._answer(200, self.server.manifest, {"Content-Type": _MANIFEST, **digest})
        elif kind == "blobs" and reference in self.server.blobs:
            self._answer(200, self.server.blobs[reference], {"Content-Type": "application/octet-stream"})
        else:
            self._answer(200 if reference == "v2" else 404, b"{}", {})

    do_HEAD = do_GET  # noqa: N815 - the name that http.server looks for

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silence."""


def _layer() -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        content = b"a file\n"
        entry = tarfile.TarInfo("file.txt")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(archive.getvalue(), mtime=0)


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _described(media_type: str, blob: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "size": len(blob), "digest": _digest(blob)}
