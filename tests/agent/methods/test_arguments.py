"""What the methods' payloads may hold (spec D.5)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from edge_runtime.agent.methods.arguments import (
    BundleRequest,
    LogsRequest,
    RestartRequest,
    UploadLogsRequest,
    parse,
)
from edge_runtime.agent.methods.errors import BadArgumentError, MethodFailedError

ITEM = {"id": "camera"}


def logs(**members: Any) -> LogsRequest:
    return parse(LogsRequest, {"schemaVersion": "1.0", "items": ITEM, **members})


def test_items_are_one_or_many() -> None:
    assert [item.id for item in logs().items] == ["camera"]
    assert [item.id for item in logs(items=[ITEM, {"id": "edge.*"}]).items] == ["camera", "edge.*"]


def test_text_in_clear_is_what_is_asked_for_without_a_word() -> None:
    assert (logs().encoding, logs().content_type) == ("none", "text")
    asked = logs(encoding="GZip", contentType="JSON")
    assert (asked.encoding, asked.content_type) == ("gzip", "json")


def test_names_of_members_have_no_case_and_unknown_ones_are_passed_over() -> None:
    request = parse(
        UploadLogsRequest,
        {
            "SchemaVersion": "1.1",
            "sasURL": "https://h/c?s",
            "Items": [{"ID": "a", "Filter": {"LogLevel": 3, "Tail": 5}}],
            "new": 1,
        },
    )
    assert request.sas_url == "https://h/c?s"
    assert (request.items[0].filter.loglevel, request.items[0].filter.tail) == (3, 5)


def test_a_filter_is_read() -> None:
    wanted = logs(
        items={
            "id": "a",
            "filter": {
                "tail": 3,
                "since": "2026-03-10T12:00:00Z",
                "until": 1773144000,
                "loglevel": 7,
                "regex": "x",
            },
        }
    )
    noon = datetime(2026, 3, 10, 12, tzinfo=UTC)
    found = wanted.items[0].filter
    assert (found.tail, found.since, found.until, found.loglevel, found.regex) == (3, noon, noon, 7, "x")


def test_null_means_that_it_is_not_there() -> None:
    found = logs(items={"id": "a", "filter": None}, encoding=None).items[0].filter
    assert (found.tail, found.since) == (None, None)
    assert logs(items={"id": "a", "filter": {"tail": None}}).items[0].filter == found


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"items": None}, "items"),
        ({"items": {}}, "items.0.id"),
        ({"items": {"id": " "}}, "items.0.id"),
        ({"items": {"id": "("}}, "items.0.id"),
        ({"items": {"id": "a", "filter": {"tail": -1}}}, "tail"),
        ({"items": {"id": "a", "filter": {"tail": "many"}}}, "tail"),
        ({"items": {"id": "a", "filter": {"since": "yesterday"}}}, "since"),
        ({"items": {"id": "a", "filter": {"since": True}}}, "since"),
        ({"items": {"id": "a", "filter": {"loglevel": 8}}}, "loglevel"),
        ({"items": {"id": "a", "filter": {"regex": "["}}}, "regex"),
        ({"encoding": "zip"}, "encoding"),
        ({"contentType": 5}, "contenttype"),
        ({"schemaVersion": None}, "schemaversion"),
        ({"schemaVersion": ""}, "schemaversion"),
        ({"schemaVersion": 1.0}, "schemaversion"),
    ],
)
def test_a_wrong_argument_is_named_and_400(members: dict[str, Any], named: str) -> None:
    with pytest.raises(BadArgumentError, match=named) as refusal:
        logs(**members)
    assert refusal.value.status == 400


@pytest.mark.parametrize("payload", [None, 5, "text", [], [[]]])
def test_what_is_no_request_is_400(payload: Any) -> None:
    with pytest.raises(BadArgumentError):
        parse(LogsRequest, payload)


def test_a_payload_without_a_bottom_is_400() -> None:
    deep: Any = {}
    for _ in range(100_000):
        deep = {"items": deep}
    with pytest.raises(BadArgumentError):
        parse(LogsRequest, deep)


@pytest.mark.parametrize("version", ["2.0", "0.9", "1", "x", "1.0.0.0.0"])
def test_another_schema_than_1_x_is_500_as_with_edge_agent(version: str) -> None:
    with pytest.raises(MethodFailedError, match=version) as refusal:
        parse(RestartRequest, {"schemaVersion": version, "id": "a"})
    assert refusal.value.status == 500


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.9.3"])
def test_minor_versions_do_not_matter(version: str) -> None:
    assert parse(RestartRequest, {"schemaVersion": version, "id": "a"}).id == "a"


def test_the_signature_is_in_no_text() -> None:
    secret = "https://h/c?sig=hunter2"
    assert "hunter2" not in repr(
        parse(UploadLogsRequest, {"schemaVersion": "1.0", "items": ITEM, "sasUrl": secret})
    )
    assert "hunter2" not in repr(parse(BundleRequest, {"schemaVersion": "1.0", "sasUrl": secret}))
    with pytest.raises(BadArgumentError) as refusal:
        parse(UploadLogsRequest, {"schemaVersion": "1.0", "sasUrl": [secret]})
    assert "hunter2" not in str(refusal.value)
