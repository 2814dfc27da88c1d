"""RFC 9457 problem bodies, and the one place where an error becomes an HTTP status."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from image_classifier.errors import BadImageError, BadImageReason, InferenceError
from serving import trace_context
from serving.errors import (
    BadContentError,
    BadRequestError,
    EndingError,
    OverloadedError,
    ServingError,
    UnknownModelError,
)

MEDIA_TYPE = "application/problem+json"
_MAX_DETAIL = 1024
_PICTURES = {
    BadImageReason.TOO_LARGE: 413,
    BadImageReason.TOO_MANY_PIXELS: 413,
    BadImageReason.UNSUPPORTED_FORMAT: 415,
}

_FIXED: dict[type[ServingError], tuple[int, dict[str, str]]] = {
    UnknownModelError: (404, {}),
    EndingError: (503, {"retry-after": "1", "connection": "close"}),
}


class ProblemError(ServingError):
    """An error of HTTP itself (size, media type, time): it knows its status."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.headers = dict(headers or {})
        super().__init__(detail)


class BadPictureError(BadRequestError):
    """A picture of the request cannot be scored; `where` names it."""

    def __init__(self, where: str, error: BadImageError | InferenceError) -> None:
        self.error = error
        super().__init__(f"{where}: {picture_problem(error)}")


def picture_problem(error: BadImageError | InferenceError) -> str:
    """What is wrong with a picture, for whoever sent it."""
    return error.detail if isinstance(error, BadImageError) else str(error)


def problem_of(error: Exception, path: str) -> Response:
    """The answer to a request that ended with `error`."""
    status, headers = 500, {}
    detail = "the service failed; its log has the details under this trace id"
    code: str | None = None
    match error:
        case OverloadedError():
            status, headers = 429, {"retry-after": str(max(1, math.ceil(error.retry_after_s)))}
        case UnknownModelError() | EndingError():
            status, headers = _FIXED[type(error)]
        case ProblemError():
            status, headers = error.status, error.headers
        case BadPictureError(error=BadImageError() as cause):
            status, code = _PICTURES.get(cause.reason, 422), str(cause.reason)
        case BadContentError():
            status = 422
        case BadRequestError() if not isinstance(error, BadPictureError):
            status = 400
        case HTTPException():
            status, headers = error.status_code, dict(error.headers or {})
    if isinstance(error, HTTPException):
        detail = f"{path[:_MAX_DETAIL]} does not exist" if status == 404 else str(error.detail)
    elif status != 500:
        detail = str(error)
    return problem(status, detail, path, headers, code)


def problem(
    status: int, detail: str, path: str, headers: Mapping[str, str] | None = None, code: str | None = None
) -> Response:
    """A problem body; `code` is a stable word for machines. The inference protocol asks for `error` beside it."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail[:_MAX_DETAIL],
    }
    if code:
        body["code"] = code
    trace = trace_context.CURRENT.get()
    if trace is not None:
        body["traceId"] = trace.trace_id
    if path.startswith("/v2"):
        body["error"] = body["detail"]
    return Response(json.dumps(body), status, headers, MEDIA_TYPE)
