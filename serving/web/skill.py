"""The contract of Azure AI Search's custom Web API skill: one answer a record, whatever becomes of the others.

https://learn.microsoft.com/azure/search/cognitive-search-custom-skill-web-api
A record's `data` holds the picture under `image` (or `file_data`): an object with `data` in base64, as
`/document/normalized_images/*` and `/document/file_data` give it, or the base64 text itself.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from image_classifier.bundle import Bundle
from image_classifier.classifier import Refusal
from serving.errors import BadContentError, BadRequestError
from serving.scoring import Result, Scoring
from serving.web.intake import Intake
from serving.web.pictures import (
    DEFAULT_TOP_K,
    call_of,
    check_count,
    classification_json,
    from_base64,
    model_json,
)
from serving.web.problem import picture_problem
from serving.web.score import read_json

_FIELDS = ("image", "file_data")


class SkillInterface:
    """`POST /skills/image-classification`."""

    def __init__(self, scoring: Scoring, intake: Intake) -> None:
        self._scoring = scoring
        self._intake = intake

    async def post(self, request: Request) -> Response:
        async with self._intake.bodies.body(request) as body:
            self._intake.check_json(body)
            records = read_records(body)
        del body  # what is scored is held, and counted, from here on
        check_count(len(records), self._intake.most_pictures, "records")
        return await self._answer(request, records)

    async def _answer(self, request: Request, records: list[tuple[str, bytes | str]]) -> Response:
        pictures = [picture for _, picture in records if isinstance(picture, bytes)]
        with self._intake.pictures.hold(pictures):
            scored = await self._scoring.score(call_of(request, "skill"), pictures)
        results = iter(scored.results)
        values = [
            _failed(record_id, picture)
            if isinstance(picture, str)
            else _answered(record_id, next(results), scored.bundle)
            for record_id, picture in records
        ]
        return Response(json.dumps({"values": values}), media_type="application/json")


def read_records(body: bytes) -> list[tuple[str, bytes | str]]:
    """Ids of the records, each with its encoded picture, or with what is wrong with it.

    Raises:
        BadRequestError: not a request of this contract: then no record can be answered.
    """
    document = read_json(body)
    values = document.get("values") if isinstance(document, dict) else None
    if not isinstance(values, list):
        raise BadRequestError('expected {"values": [{"recordId": "...", "data": {...}}, ...]}')
    records: list[tuple[str, bytes | str]] = []
    seen: set[str] = set()
    for number, value in enumerate(values):
        record_id = value.get("recordId") if isinstance(value, dict) else None
        if not isinstance(record_id, str) or not record_id or record_id in seen:
            raise BadRequestError(f"values[{number}].recordId: expected a text that no other record has")
        seen.add(record_id)
        try:
            records.append((record_id, _picture(value.get("data"))))
        except BadContentError as error:
            records.append((record_id, str(error)))
    return records


def _picture(data: Any) -> bytes:
    given = [(name, data[name]) for name in _FIELDS if name in data] if isinstance(data, dict) else []
    if len(given) != 1:
        raise BadContentError(f"data: expected one of {', '.join(_FIELDS)}")
    ((name, value),) = given
    text = value.get("data") if isinstance(value, dict) else value
    if not isinstance(text, str):
        raise BadContentError(f"data.{name}: expected base64, or an object with `data` in base64")
    return from_base64(text, f"data.{name}")


def _answered(record_id: str, result: Result, bundle: Bundle) -> dict[str, Any]:
    if isinstance(result, Refusal):
        return _failed(record_id, picture_problem(result.error))
    best, runner_up = result.top[0], result.top[min(1, len(result.top) - 1)]
    data = {
        "label": best.label,
        "probability": round(best.probability, 6),
        **classification_json(result, DEFAULT_TOP_K),
        "model": model_json(bundle),
    }
    warnings = []
    if result.abstained:
        warnings.append(
            {"message": f"{best.label} and {runner_up.label} are too close to tell: the model abstains"}
        )
    return {"recordId": record_id, "data": data, "errors": [], "warnings": warnings}


def _failed(record_id: str, problem: str) -> dict[str, Any]:
    return {"recordId": record_id, "data": {}, "errors": [{"message": problem}], "warnings": []}
