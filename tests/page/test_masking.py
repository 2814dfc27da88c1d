"""What is a secret, and what is left of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.page.masking import is_secret_name, masked, masked_places, masked_text

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        *(
            (name, True)
            for name in ("password", "rtspPassword", "DB_PASSWORD", "passwd", "pwd", "passphrase")
        ),
        *(
            (name, True)
            for name in ("secret", "clientSecret", "token", "ACCESS_TOKEN", "key", "apiKey", "api_key")
        ),
        *(
            (name, True)
            for name in ("SCORING_KEY_PRIMARY", "primaryKey", "credential", "credentials", "sasUrl")
        ),
        *(
            (name, True)
            for name in ("connectionString", "IOTHUB_CONNECTION_STRING", "ConnectionString", "SASUri")
        ),
        *(
            (name, True)
            for name in ("SharedAccessKey", "sharedAccessSignature", "authorization", "x-api-key")
        ),
        *(
            (name, False)
            for name in ("topK", "keyboard", "monkey", "keyframe", "maxTokens", "fps", "source", "")
        ),
        *(
            (name, True)
            for name in ("PGPASSWORD", "dbpassword", "clientsecret", "accesstoken", "AWS_SECRETKEY")
        ),
        *(
            (name, True)
            for name in ("accesskey", "accountkey", "primarykey", "privatekey", "Cookie", "blobSas")
        ),
        *(
            (name, True)
            for name in ("RABBITMQ_DEFAULT_PASS", "db_pass", "REDISCLI_AUTH", "auth", "dbpassword2")
        ),
        *(
            (name, False)
            for name in ("keyFrameInterval", "tokenCount", "passCount", "authMode", "lowPass", "pin")
        ),
        *((name, False) for name in ("passing", "secretary", "connection", "string", "passwords_checked")),
    ],
)
def test_names(name: str, secret: bool) -> None:
    assert is_secret_name(name) is secret


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"password": SECRET, "fps": 5}, {"password": "***", "fps": 5}),
        ({"token": 4711, "key": None}, {"token": "***", "key": None}),
        ({"secret": "", "pwd": True}, {"secret": "", "pwd": True}),
        ({"keys": [SECRET, {"a": SECRET}]}, {"keys": ["***", {"a": "***"}]}),
        ({"apiKey": {"value": SECRET, "ac": 200, "av": 3, "ad": f"not {SECRET}"}},
         {"apiKey": {"value": "***", "ac": 200, "av": 3, "ad": "***"}}),
        ({"env": {"API_KEY": {"value": SECRET}}}, {"env": {"API_KEY": {"value": "***"}}}),
        ({"source": f"rtsp://admin:{SECRET}@camera:554/1"}, {"source": "rtsp://***@camera:554/1"}),
        ({"source": f"rtsp://admin:a@b{SECRET}@camera/1"}, {"source": "rtsp://***@camera/1"}),
        ({"createOptions": json.dumps({"Env": [f"PASSWORD={SECRET} and more", "FPS=5"]})},
         {"createOptions": '{"Env": ["PASSWORD=***", "FPS=5"]}'}),
        ({"$version": 3, "$metadata": {"password": {"$lastUpdated": "2026-01-31T12:00:00.5Z", "$version": 1}}},
         {"$version": 3, "$metadata": {"password": {"$lastUpdated": "2026-01-31T12:00:00.5Z", "$version": 1}}}),
        ({"$values": [{"password": SECRET}], "$metadata": {"token": SECRET}},
         {"$values": [{"password": "***"}], "$metadata": {"token": "***"}}),
        ({"password": {"$lastUpdated": SECRET, "ac": SECRET, "av": 1}},
         {"password": {"$lastUpdated": "***", "ac": "***", "av": 1}}),
        (["run", "--password", SECRET, "--fps", "5"], ["run", "--password", "***", "--fps", "5"]),
        ({"a": '{"x":1,  "y":1.0e2}'}, {"a": '{"x":1,  "y":1.0e2}'}),
        ({"a": f'{{"password":"{SECRET}","password":""}}'}, {"a": '{"password":"***","password":""}'}),
        (["plain", 1, None, True], ["plain", 1, None, True]),
    ],
)  # fmt: skip
def test_documents(value: Any, expected: Any) -> None:
    assert masked(value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"opening mqtt://u:{SECRET}@host/t now", "opening mqtt://***@host/t now"),
        (f"HostName=h;DeviceId=d;SharedAccessKey={SECRET}=", "HostName=h;DeviceId=d;SharedAccessKey=***"),
        (f"https://a.blob/c?sv=1&sig={SECRET}%3D&se=2", "https://a.blob/c?sv=1&sig=***&se=2"),
        (f"SharedAccessSignature sr=x&sig={SECRET}&se=1", "SharedAccessSignature sr=x&sig=***&se=1"),
        (f"password={SECRET}, fps=5", "password=***, fps=5"),
        (f"PASSWORD: {SECRET}", "PASSWORD: ***"),
        (f'{{"password": "{SECRET} \\" and more", "fps": 5}}', '{"password": "***", "fps": 5}'),
        (rf"{{\"apiKey\": \"{SECRET}\", \"fps\": 5}}", r"{\"apiKey\": \"***\", \"fps\": 5}"),
        (f"'token': '{SECRET}'", "'token': '***'"),
        (f'token="{SECRET} and no end', 'token="***'),
        (f"Authorization: Bearer {SECRET}.{SECRET}", "Authorization: *** ***"),
        (f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----\nrest", "***\nrest"),
        (f"-----BEGIN PRIVATE KEY-----\n{SECRET}", "***"),
        ("http://camera:8080/stream?fps=5", "http://camera:8080/stream?fps=5"),
        ("key=", "key="),
        (f"password={SECRET},{SECRET}, fps=5", "password=***, fps=5"),
        (f"'password' => '{SECRET}', 'fps' => 5", "'password' => '***', 'fps' => 5"),
        (f"ffmpeg --password {SECRET} --fps 5", "ffmpeg --password *** --fps 5"),
        (f"ffmpeg --password={SECRET} --fps=5", "ffmpeg --password=*** --fps=5"),
        ("ffmpeg --password --fps 5", "ffmpeg --password --fps 5"),
        (f"rtsp://u:{SECRET}/ss@camera/1", "rtsp://***@camera/1"),
        ("http://camera:8080/a@b", "http://camera:8080/a@b"),
        (f"Cookie: a={SECRET}; b={SECRET}\nfps", "Cookie: ***\nfps"),
        ("", ""),
    ],
)
def test_texts(text: str, expected: str) -> None:
    assert masked_text(text) == expected
    assert SECRET not in masked_text(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_what_is_masked_stays_so_and_only_secrets_are(value: Any) -> None:
    once = masked(value)
    assert masked(once) == once
    assert type(once) is type(value)


@given(st.text(min_size=1))
def test_no_value_of_a_secret_gets_through(value: str) -> None:
    assert masked({"password": value, "a": [{"apiKey": {"value": value}}]}) == {
        "password": "***",
        "a": [{"apiKey": {"value": "***"}}],
    }


@pytest.mark.parametrize(
    "text",
    [
        "a",
        'key="',
        "password=\\",
        "://",
        "://a@",
        "\\",
        '"',
        " ",
        "a=",
        "://:",
        "--a",
        "--key ",
        "password,",
        "Cookie:",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN A ",
    ],
)
def test_no_text_takes_long(text: str) -> None:
    """Of a module's log, which may be made for it: time grows with the length and not with its square."""
    long = text * (200_000 // len(text))
    assert len(masked_text(long)) <= 3 * len(long)


def test_places() -> None:
    document = {"a": {"b": ["x", "***"]}, "c": "rtsp://***@h", "***": 1, "d": 5, "e": None}
    assert list(masked_places(document)) == ["a.b[1]", "c", "***"]
    assert list(masked_places("***")) == [""]
    assert not list(masked_places({"a": "**"}))
