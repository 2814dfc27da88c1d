"""Log lines as methods answer and upload them (spec D.5)."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import secrets
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.agent.methods import log_contents
from edge_runtime.agent.methods.arguments import LogsRequest, parse
from edge_runtime.agent.methods.errors import BadArgumentError
from edge_runtime.agent.methods.log_contents import MAXIMUM_BYTES, DeviceName, LogContent
from tests.agent.methods.logs import LINES, WrittenEngine, store

DEVICE = DeviceName("local.azure-devices.net", "edge")


def asked(members: dict[str, Any]) -> LogsRequest:
    return parse(LogsRequest, {"schemaVersion": "1.0", **members})


def read(folder: Path, engine: WrittenEngine | None = None, **members: Any) -> list[LogContent]:
    logs = store(folder, engine)
    return list(log_contents.read(logs, logs.names(), asked(members), DEVICE))


def answered(folder: Path, engine: WrittenEngine | None = None, **members: Any) -> list[dict[str, str]]:
    logs = store(folder, engine)
    return log_contents.answer(logs, logs.names(), asked(members), DEVICE)


def test_text_is_the_lines_as_they_were_written(tmp_path: Path) -> None:
    [content] = read(tmp_path, items={"id": "camera"})
    assert content.document() == {"id": "camera", "payload": "".join(f"{line}\n" for line in LINES)}
    assert (content.media_type, content.extension) == ("text/plain", "log")


def test_a_json_line_has_seven_members(tmp_path: Path) -> None:
    [content] = read(
        tmp_path, items={"id": "camera", "filter": {"loglevel": 3, "tail": 1}}, contentType="json"
    )
    assert json.loads(content.document()["payload"]) == [
        {
            "iothub": "local.azure-devices.net",
            "device": "edge",
            "id": "camera",
            "stream": "stderr",
            "loglevel": 3,
            "text": "[ERR] - three",
            "timestamp": "2026-03-10T12:00:00+00:00",
        }
    ]
    assert (content.media_type, content.extension) == ("application/json", "json")


def test_a_line_without_a_time_says_null(tmp_path: Path) -> None:
    [content] = read(tmp_path, items={"id": "filter"}, contentType="json")
    assert json.loads(content.content)[0]["timestamp"] is None


@pytest.mark.parametrize(("kind", "extension"), [("text", "log.gz"), ("json", "json.gz")])
def test_zipped_it_comes_as_base64(tmp_path: Path, kind: str, extension: str) -> None:
    [plain] = read(tmp_path, items={"id": "camera"}, contentType=kind)
    [zipped] = read(tmp_path, items={"id": "camera"}, contentType=kind, encoding="gzip")
    document = zipped.document()
    assert document.keys() == {"id", "payloadBytes"}
    assert gzip.decompress(base64.b64decode(document["payloadBytes"])) == plain.content
    assert zipped.extension == extension


def test_all_that_is_named_is_answered(tmp_path: Path) -> None:
    answer = answered(tmp_path, items={"id": ".*"})
    assert [entry["id"] for entry in answer] == ["camera", "edgeAgent", "edgeHub", "filter"]
    assert answered(tmp_path, items={"id": "nobody"}) == []


@pytest.mark.parametrize("excess", [0, 1])
def test_an_answer_has_so_many_bytes_and_no_more(tmp_path: Path, excess: int) -> None:
    half = MAXIMUM_BYTES // 2 - 1
    engine = WrittenEngine({"a": ["x" * half], "b": ["x" * (half + excess)]})
    items = {"id": "^(a|b)$"}
    contents = read(tmp_path, engine, items=items)
    assert sum(len(content.content) for content in contents) == MAXIMUM_BYTES + excess
    if not excess:
        assert len(answered(tmp_path, engine, items=items)) == 2
        return
    with pytest.raises(BadArgumentError, match=r"GetModuleLogs answers up to 127000 bytes of logs"):
        answered(tmp_path, engine, items=items)


@pytest.mark.parametrize("more", [{}, {"contentType": "json"}, {"encoding": "gzip"}])
def test_what_is_too_much_is_not_read_to_its_end(tmp_path: Path, more: dict[str, Any]) -> None:
    lines = (secrets.token_hex(500) for _ in itertools.count())
    with pytest.raises(BadArgumentError, match="too large"):
        answered(tmp_path, WrittenEngine({"a": lines}), items={"id": "a$"}, **more)


def test_it_is_the_zipped_size_that_counts(tmp_path: Path) -> None:
    engine = WrittenEngine({"a": ["x" * (2 * MAXIMUM_BYTES)]})
    assert len(answered(tmp_path, engine, items={"id": "a$"}, encoding="gzip")) == 1
