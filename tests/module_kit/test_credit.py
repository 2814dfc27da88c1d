from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from module_kit.credit import Credit
from module_kit.message import MessageError
from module_kit.message_schemas import message_schemas
from tests.module_kit.arriving import Arrived, arrived

CREDIT = Credit(source="line-1", boot="0a1b2c3d", sequence=31)
BODY: dict[str, Any] = {"schema": "credit/1", "source": "line-1", "boot": "0a1b2c3d", "sequence": 31}


def body(**changes: object) -> bytes:
    return json.dumps(BODY | changes).encode()


def test_the_message() -> None:
    message = CREDIT.encode()
    assert json.loads(message.body) == BODY
    assert (message.content_type, message.content_encoding) == ("application/json", "utf-8")
    assert message.message_id == "line-1.0a1b2c3d.31.c"
    assert message.properties == {"schema": "credit/1"}
    jsonschema.validate(json.loads(message.body), message_schemas()["credit-1.json"])


def test_what_is_sent_is_understood() -> None:
    assert Credit.decode(arrived(CREDIT.encode())) == CREDIT


def test_what_a_later_version_adds_is_passed_over() -> None:
    later = body(finishedAt="2026-01-01T00:00:00.000Z")
    jsonschema.validate(json.loads(later), message_schemas()["credit-1.json"])
    assert Credit.decode(Arrived(later)) == CREDIT


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"", "body"),
        (b"\xff\xfe", "body"),
        (b"[]", "body"),
        (b"{}", "source"),
        (body(schema=None), "schema"),
        (body().replace(b'"schema": "credit/1", ', b""), "schema"),
        (body(schema="credit/2"), "schema"),
        (body(source=""), "source"),
        (body(source="a b"), "source"),
        (body(boot=5), "boot"),
        (body(boot=None), "boot"),
        (body(sequence="15"), "sequence"),
        (body(sequence=-1), "sequence"),
        (body(sequence=1.5), "sequence"),
        (body(sequence=True), "sequence"),
    ],
)
def test_what_breaks_the_schema_is_named(data: bytes, place: str) -> None:
    with pytest.raises(MessageError, match="m1") as caught:
        Credit.decode(Arrived(data))
    assert caught.value.field_name == place


def test_a_credit_that_cannot_be_is_not_made() -> None:
    with pytest.raises(ValidationError, match="sequence"):
        Credit(source="a", boot="b", sequence=-1)
