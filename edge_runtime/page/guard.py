"""Whom the page answers. A browser sends no credential by itself, so no foreign site can make it act.

All requests: a Host header that names this machine. Those of the API, too: an Origin, where there is one, that is
the page's own; the token; and JSON as the type of a body.
"""

from __future__ import annotations

import hmac
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from edge_runtime.host_header import is_foreign
from edge_runtime.page.json_http import RequestError

API = "/api/"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "edge_runtime",
}


def guard(token: str) -> Middleware:
    """The middleware; it raises RequestError: 403, 401, 415."""
    expected = f"Bearer {token}".encode()

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        host = request.headers.get(hdrs.HOST, "")
        if is_foreign(host, ""):
            raise RequestError(HTTPStatus.FORBIDDEN, "Host: an address, or a name without a dot, is needed")
        if request.path.startswith(API):
            _check_api(request, host, expected)
        return await handler(request)

    return check


def _check_api(request: web.Request, host: str, expected: bytes) -> None:
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None and origin != f"http://{host}":
        raise RequestError(HTTPStatus.FORBIDDEN, "Origin: this page answers none but itself")
    shown = request.headers.get(hdrs.AUTHORIZATION, "").encode(errors="replace")
    if not hmac.compare_digest(shown, expected):
        raise RequestError(
            HTTPStatus.UNAUTHORIZED, "the token is missing or wrong: open the address that `run` printed"
        )
    if request.body_exists and request.content_type != "application/json":
        raise RequestError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Content-Type: application/json is needed")


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """For each answer, refusals included."""
    response.headers.update(_HEADERS)
    if request.path.startswith(API):
        response.headers[hdrs.CACHE_CONTROL] = "no-store"
