"""`POST /score`: the seed's contract for JSON, and pictures as they are (one, or several in a form) with top-k."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response

from image_classifier.classifier import Classification
from serving.errors import BadContentError, BadRequestError
from serving.scoring import Scored, Scoring
from serving.web.intake import Intake
from serving.web.pictures import (
    DEFAULT_TOP_K,
    call_of,
    check_count,
    classification_json,
    classifications,
    from_base64,
    model_json,
    top_k_of,
)
from serving.web.problem import ProblemError

_JSON = "application/json"
_FORM = "multipart/form-data"
_PICTURES = ("image/jpeg", "image/png", "application/octet-stream")


class ScoreInterface:
    """Answers by the request's media type; one without is JSON if it begins with a brace, else a picture."""

    def __init__(self, scoring: Scoring, intake: Intake) -> None:
        self._scoring = scoring
        self._intake = intake

    async def post(self, request: Request) -> Response:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type and media_type not in (_JSON, _FORM, *_PICTURES):
            known = ", ".join((_JSON, _FORM, *_PICTURES))
            raise ProblemError(
                415, f"Content-Type {media_type[:100]!r} is not read; known: {known}", {"accept-post": known}
            )
        asked_top_k, by_seed = request.query_params.get("top_k"), False
        async with self._intake.bodies.body(request) as body:
            if media_type == _JSON or (not media_type and body.lstrip()[:1] == b"{"):
                self._intake.check_json(body)
                pictures, by_seed = read_files(body), True
            elif media_type == _FORM:
                pictures, fields = await read_form(request, body, self._intake.most_pictures)
                asked_top_k = fields.get("top_k") or asked_top_k
            else:
                pictures = [("picture", body)]
        del body  # what is scored is held, and counted, from here on
        top_k = DEFAULT_TOP_K if by_seed else top_k_of(asked_top_k)
        check_count(len(pictures), self._intake.most_pictures)
        scored, answers = await self._scored(request, pictures)
        if by_seed:
            return _json([{name: answer.top[0].label} for name, answer in answers], scored)
        predictions = [{"name": name, **classification_json(answer, top_k)} for name, answer in answers]
        return _json({"model": model_json(scored.bundle), "predictions": predictions}, scored)

    async def _scored(
        self, request: Request, pictures: Sequence[tuple[str, bytes]]
    ) -> tuple[Scored, list[tuple[str, Classification]]]:
        names, encoded = [name for name, _ in pictures], [picture for _, picture in pictures]
        with self._intake.pictures.hold(encoded):
            scored = await self._scoring.score(call_of(request, "score"), encoded)
        return scored, list(zip(names, classifications(scored, names), strict=True))


def read_files(body: bytes) -> list[tuple[str, bytes]]:
    """The seed's request, `{"<file name>": "<base64 picture>"}` -> names and encoded pictures, in their order.

    Raises:
        BadRequestError: not such a JSON object.
        BadContentError: a value is not base64.
    """
    # As pairs: two files may have the same name, and each gets its answer.
    document = read_json(body, tuple)
    if not isinstance(document, tuple):
        raise BadRequestError('expected {"<file name>": "<base64 picture>"}')
    files = []
    for name, text in document:
        if not isinstance(text, str):
            raise BadContentError(f"{name[:100]!r}: expected the picture as a base64 text")
        files.append((name, from_base64(text, repr(name[:100]))))
    return files


def read_json(body: bytes, of_pairs: Callable[[list[tuple[str, Any]]], Any] = dict) -> Any:
    """A JSON body; `of_pairs` makes what stands for an object.

    Raises:
        BadRequestError: not JSON; the text says where.
    """
    try:
        return json.loads(body, object_pairs_hook=of_pairs)
    except (ValueError, RecursionError) as error:
        raise BadRequestError(f"not JSON: {error}") from None


async def read_form(
    request: Request, body: bytes, most: int
) -> tuple[list[tuple[str, bytes]], dict[str, str]]:
    """File parts (file name and content) and the other fields of a `multipart/form-data` body.

    Raises:
        BadRequestError: not such a form.
    """

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    parser = MultiPartParser(request.headers, stream(), max_files=most, max_fields=8, max_part_size=1024)
    parser.spool_max_size = len(body) + 1  # the body is in memory already; a disk may not be writable
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as error:
        text = getattr(error, "message", None) or f"no multipart form: {error}"
        raise BadRequestError(text) from None
    try:
        items = form.multi_items()
        pictures = [
            (item.filename or name, await item.read()) for name, item in items if isinstance(item, UploadFile)
        ]
        return pictures, {name: item for name, item in items if isinstance(item, str)}
    finally:
        await form.close()


def _json(document: Any, scored: Scored) -> Response:
    bundle = scored.bundle
    headers = {"x-model-version": bundle.version}
    return Response(json.dumps(document), headers=headers, media_type=_JSON)
