"""Whom the page answers, and what each answer forbids a browser."""

from __future__ import annotations

import asyncio
import hmac
import io
from typing import Any

import pytest

from edge_runtime.page import guard
from edge_runtime.page.server import MOST_BODY, _Refusals
from tests.page.conftest import Page

EXACTLY = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
        "trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
ADMITTED = 503
"""What a page answers to a call that it lets in, as long as no runtime stands behind it."""
CALLS = [
    ("GET", "/api/v1/snapshot"),
    ("GET", "/api/v1/stream"),
    ("GET", "/api/v1/arrived"),
    ("GET", "/api/v1/modules/camera/twin"),
    ("PATCH", "/api/v1/modules/camera/twin/desired"),
    ("POST", "/api/v1/modules/camera/methods"),
    ("POST", "/api/v1/modules/camera/restart"),
    ("GET", "/api/v1/modules/camera/logs"),
    ("PUT", "/api/v1/upstream"),
    ("POST", "/api/v1/explain"),
    ("GET", "/api/v2/whatever"),
]


@pytest.mark.parametrize(("verb", "path"), CALLS)
@pytest.mark.parametrize(
    "shown", ["", "Bearer ", "Bearer wrong", "Basic {token}", "{token}", "Bearer {token}x"]
)
async def test_every_call_needs_the_token(bare: Page, verb: str, path: str, shown: str) -> None:
    headers = {"Authorization": shown.format(token=bare.token)}
    async with bare.http.request(verb, path, headers=headers, json={}) as response:
        assert response.status == 401
        assert "the token is missing or wrong" in (await response.json())["message"]
        assert bare.token not in str(response.headers)


async def test_the_token_in_the_query_is_no_token(bare: Page) -> None:
    headers = {"Authorization": ""}
    async with bare.http.get(f"/api/v1/snapshot?token={bare.token}", headers=headers) as response:
        assert response.status == 401


async def test_tokens_are_compared_in_constant_time(bare: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    class Watched:
        @staticmethod
        def compare_digest(one: bytes, other: bytes) -> bool:
            compared.append((one, other))
            return hmac.compare_digest(one, other)

    monkeypatch.setattr(guard, "hmac", Watched)
    status, _ = await bare.ask("GET", "/snapshot", headers={"Authorization": "Bearer w"})
    assert (status, compared) == (401, [(b"Bearer w", f"Bearer {bare.token}".encode())])


@pytest.mark.parametrize("path", ["/", "/app.js", "/api/v1/snapshot"])
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "["]
)
async def test_a_foreign_host_is_refused(bare: Page, path: str, host: str) -> None:
    async with bare.http.get(path, headers={"Host": host}) as response:
        assert response.status == 403
        assert (await response.json())["message"].startswith("Host: ")


@pytest.mark.parametrize("host", ["localhost:{port}", "127.0.0.1:{port}", "localhost:9000"])
async def test_a_name_of_this_machine_is_not_foreign(bare: Page, host: str) -> None:
    host = host.format(port=bare.address.rpartition(":")[2])
    headers = {"Host": host, "Origin": f"http://{host}"}
    status, _ = await bare.ask("GET", "/snapshot", headers=headers)
    assert status == ADMITTED


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "", "https://{address}", "http://127.0.0.1:1", "http://{address}.evil"],
)
@pytest.mark.parametrize(("verb", "path"), [("GET", "/snapshot"), ("PUT", "/upstream"), ("GET", "/stream")])
async def test_a_foreign_origin_is_refused(bare: Page, verb: str, path: str, origin: str) -> None:
    headers = {"Origin": origin.format(address=bare.address)}
    status, body = await bare.ask(verb, path, headers=headers, json={"connected": False})
    assert (status, body["message"]) == (403, "Origin: this page answers none but itself")


async def test_the_page_s_own_origin_is_answered(bare: Page) -> None:
    status, _ = await bare.ask("GET", "/snapshot", headers={"Origin": f"http://{bare.address}"})
    assert status == ADMITTED


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
async def test_a_body_must_be_json_by_its_type(bare: Page, kind: str) -> None:
    """What a form of a foreign page could send."""
    status, body = await bare.ask(
        "PUT", "/upstream", data=b'{"connected": false}', headers={"Content-Type": kind}
    )
    assert (status, body["message"]) == (415, "Content-Type: application/json is needed")


async def test_a_body_has_a_limit(bare: Page) -> None:
    headers = {"Content-Type": "application/json"}
    status, body = await bare.ask(
        "POST", "/explain", data=io.BytesIO(b" " * (MOST_BODY + 1)), headers=headers
    )
    assert status == 413
    assert body["message"]


@pytest.mark.parametrize("body", [b"{half", b"", b"[" * 100_000])
async def test_a_body_that_is_no_json_is_refused(bare: Page, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    status, answer = await bare.ask("PUT", "/upstream", data=body, headers=headers)
    assert (status, "JSON" in answer["message"]) == (400, True)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/", {}, 200),
        ("/app.js", {}, 200),
        ("/missing", {}, 404),
        ("/api/v1/snapshot", {}, ADMITTED),
        ("/api/v1/snapshot", {"Authorization": ""}, 401),
        ("/api/v1/nothing", {}, 404),
        ("/", {"Host": "evil.example"}, 403),
    ],
)
async def test_every_answer_tells_the_browser_what_it_may_not_do(
    bare: Page, path: str, headers: dict[str, str], status: int
) -> None:
    async with bare.http.get(path, headers=headers) as response:
        assert response.status == status
        assert {name: response.headers[name] for name in EXACTLY} == EXACTLY
        assert "Access-Control-Allow-Origin" not in response.headers
        api = path.startswith("/api/")
        assert (response.headers.get("Cache-Control") == "no-store") is api


async def test_the_stream_tells_the_browser_too(page: Page) -> None:
    async with page.http.get("/api/v1/stream") as response:
        assert {name: response.headers[name] for name in EXACTLY} == EXACTLY


async def test_each_run_has_another_token(bare: Page, tmp_path: Any) -> None:
    from tests.page.conftest import serving  # noqa: PLC0415

    async with serving(tmp_path / "u") as other:
        assert other.token != bare.token
        assert len(other.token) >= 32


async def raw(bare: Page, request: bytes) -> bytes:
    """The answer to bytes that no client library would send."""
    host, _, port = bare.address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(request)
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\x00: x\r\n\r\n",
        b"GET /%00 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /api/v1/explain HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"GET /api/v1/arrived?limit=%ff HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    ],
)
async def test_a_hostile_request_harms_nobody(bare: Page, request_: bytes) -> None:
    answer = await raw(bare, request_)
    assert answer.startswith((b"HTTP/1.0 4", b"HTTP/1.1 4")), answer[:200]
    assert (await bare.ask("GET", "/snapshot"))[0] == ADMITTED


def test_connections_that_are_dropped_do_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    refusals = _Refusals()
    with caplog.at_level("INFO"):
        for _ in range(150):
            refusals("http_limit", "127.0.0.1")
        refusals("bad_request", "127.0.0.1")
    assert [one.getMessage() for one in caplog.records] == [
        "page: http_limit: 127.0.0.1 (1 so far)",
        "page: http_limit: 127.0.0.1 (10 so far)",
        "page: http_limit: 127.0.0.1 (100 so far)",
        "page: bad_request: 127.0.0.1 (1 so far)",
    ]
