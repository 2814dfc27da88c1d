from __future__ import annotations

import pytest

from module_kit.redaction import redact, redact_json


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("rtsp://me:secret@cam:554/1", "rtsp://***@cam:554/1"),
        ("mqtt://me@broker/topic", "mqtt://***@broker/topic"),
        ("rtsp://me:s/ecr@et@cam/1", "rtsp://***@cam/1"),  # characters that should have been escaped
        ("open 'rtsp://a:b@c/' and 'mqtt://d:e@f/'", "open 'rtsp://***@c/' and 'mqtt://***@f/'"),
        ("http://host:8080/path", "http://host:8080/path"),
        ("mail me@host", "mail me@host"),
        ("HostName=h;SharedAccessKey=abc=;DeviceId=d", "HostName=h;SharedAccessKey=***;DeviceId=d"),
        ("SharedAccessSignature sr=h&sig=abc%3D&se=1", "SharedAccessSignature sr=h&sig=***&se=1"),
        ("http://h/?token=abc&x=1", "http://h/?token=***&x=1"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_redact(text: str, redacted: str) -> None:
    assert redact(text) == redacted


def test_redact_json_reaches_every_text() -> None:
    assert redact_json({"a": ["x://u:p@h", {"b": "sig=1"}], "n": 1}) == {
        "a": ["x://***@h", {"b": "sig=***"}],
        "n": 1,
    }
