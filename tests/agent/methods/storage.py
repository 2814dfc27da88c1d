"""A small storage that takes block blobs as Azure Storage does, and fails as a test tells it to."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from aiohttp import web

SIGNATURE = "sig=ab%2Bcd%3D&se=2026-01-31T12%3A00%3A00Z&sr=c&sp=rcw"


@dataclass
class Storage:
    """Blobs by path, with their headers. `faults` are taken one by one before a request is served."""

    url: str = ""
    blobs: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    attempts: int = 0

    def sas(self, query: str = SIGNATURE) -> str:
        return f"{self.url}/logs?{query}"

    async def put(self, request: web.Request) -> web.StreamResponse:
        self.attempts += 1
        content = await request.read()
        match self.faults.pop(0) if self.faults else "":
            case "hang up":
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            case "redirect":
                return web.Response(status=302, headers={"Location": f"{self.url}/elsewhere"})
            case "silence":
                await asyncio.sleep(1000)
            case "403":
                return web.Response(status=403, headers={"x-ms-error-code": "AuthenticationFailed"})
            case fault if fault:
                return web.Response(status=int(fault))
        refusal = self._refusal(request, content)
        if refusal:
            return web.Response(status=400, headers={"x-ms-error-code": refusal})
        self.blobs[request.path] = content
        self.headers[request.path] = dict(request.headers)
        return web.Response(status=201)

    def _refusal(self, request: web.Request, content: bytes) -> str:
        """What Azure Storage checks: the blob's type, the version, the content's digest, the signature as given."""
        if request.headers.get("x-ms-blob-type") != "BlockBlob":
            return "MissingRequiredHeader"
        if not request.headers.get("x-ms-version") or not request.headers.get("x-ms-date"):
            return "InvalidHeaderValue"
        digest = base64.b64encode(hashlib.md5(content).digest()).decode()  # noqa: S324
        if not hmac.compare_digest(request.headers.get("Content-MD5", ""), digest):
            return "Md5Mismatch"
        if "sig" in parse_qs(urlsplit(request.path_qs).query) and SIGNATURE not in request.raw_path:
            return "AuthenticationFailed"
        return ""


@contextlib.asynccontextmanager
async def storage() -> AsyncIterator[Storage]:
    """Listens on a port of its own."""
    one = Storage()
    application = web.Application()
    application.router.add_put("/{path:.*}", one.put)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    one.url = f"http://{host}:{port}"
    try:
        yield one
    finally:
        await runner.cleanup()
