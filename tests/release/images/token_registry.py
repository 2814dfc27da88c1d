"""A registry that hands out tokens, as Azure's does: it holds one image and remembers who asked for what."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

TOKEN = "let-me-in"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.oci.image.index.v1+json"


class TokenRegistry(ThreadingHTTPServer):
    """HTTP on 127.0.0.1; `labels` of the image `team/eye:1`; `password` None: everybody gets a token.

    Who has the password may send it as an identity token, too. `team/eye:list` is a list of images.
    """

    daemon_threads = True

    def __init__(self, labels: dict[str, str] | None, password: str | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name = f"127.0.0.1:{self.server_address[1]}"
        self.password = password
        self.scopes: list[str] = []
        self.config = json.dumps({"config": {"Labels": labels}}).encode()
        self.manifest = json.dumps(
            {
                "schemaVersion": 2,
                "config": {"digest": digest(self.config), "size": len(self.config)},
                "layers": [{"digest": "sha256:a", "size": 1000}, {"digest": "sha256:b", "size": 500}],
            }
        ).encode()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    server: TokenRegistry

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/token":
            self._hand_out(parse_qs(url.query)["scope"][0])
        elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
            realm = f'Bearer realm="http://{self.server.name}/token",service="eyes"'
            self._answer(401, b"{}", {"WWW-Authenticate": realm})
        elif url.path == "/v2/team/eye/manifests/1":
            self._answer(200, self.server.manifest, {"Content-Type": MANIFEST})
        elif url.path == f"/v2/team/eye/blobs/{digest(self.server.config)}":
            self._answer(200, self.server.config)
        elif url.path.endswith("/manifests/list") and INDEX in self.headers.get("Accept", ""):
            self._answer(200, b'{"manifests": []}', {"Content-Type": INDEX})
        else:
            self._answer(404, b"{}")

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.scopes.append(form["scope"][0])
        if form["grant_type"] == ["refresh_token"] and form["refresh_token"] == [self.server.password]:
            self._answer(200, json.dumps({"access_token": TOKEN}).encode())
        else:
            self._answer(401, b"{}")

    def _hand_out(self, scope: str) -> None:
        self.server.scopes.append(scope)
        given = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic ")).decode()
        if self.server.password is None or given == f"me:{self.server.password}":
            self._answer(200, json.dumps({"token": TOKEN}).encode())
        else:
            self._answer(401, b"{}")

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silence."""


def digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"
