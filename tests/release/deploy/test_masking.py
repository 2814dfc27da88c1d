"""No secret is shown, and what is none stays readable."""

from __future__ import annotations

import pytest

from release.deploy.masking import Masker

KEY = "c2VjcmV0LWtleS1vZi10aGUtaHVi"


@pytest.fixture
def masker() -> Masker:
    made = Masker()
    made.learn_variables(
        {
            "CONTAINER_REGISTRY_PASSWORD_north": "hunter2-hunter2",
            "IOTHUB_CONNECTION_STRING": f"HostName=h;SharedAccessKeyName=o;SharedAccessKey={KEY}",
            "PIN_TOKEN": "1234",
            "HOME": "/root",
        }
    )
    return made


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the registry says: hunter2-hunter2 is wrong", "the registry says: *** is wrong"),
        (f"key {KEY}!", "key ***!"),
        ("1234", "***"),
        ("port 12345 of /root", "port 12345 of /root"),
        ("HostName=x;SharedAccessKey=abc=;Device=1", "HostName=x;SharedAccessKey=***;Device=1"),
        ("https://store/c?sv=1&sig=abc%3D&se=2", "https://store/c?sv=1&sig=***&se=2"),
        ("rtsp://user:p/a@s@camera:554/live", "rtsp://***@camera:554/live"),
        ("mqtt://token@host", "mqtt://***@host"),
        ("DB_PASSWORD=abc MODE=fast", "DB_PASSWORD=*** MODE=fast"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMII", "-----BEGIN RSA PRIVATE KEY-----***"),
        ("127.0.0.1:5000/camera@sha256:00ff", "127.0.0.1:5000/camera@sha256:00ff"),
        ("https://host/path@2", "https://host/path@2"),
    ],
)
def test_texts(masker: Masker, text: str, shown: str) -> None:
    assert masker.text(text) == shown


def test_values_are_masked_by_their_names(masker: Masker) -> None:
    runtime = {"registry": {"username": "me", "password": "any thing", "address": "r"}}
    assert masker.value(("registryCredentials",), runtime) == {
        "registry": {"username": "me", "password": "***", "address": "r"}
    }
    assert masker.value(("env", "API_KEY", "value"), "abc") == "***"
    assert masker.value(("env", "MODE", "value"), "abc") == "abc"
    assert masker.value(("env",), {"API_KEY": {"value": "abc"}, "N": {"value": 3}}) == {
        "API_KEY": "***",
        "N": {"value": 3},
    }
    assert masker.value(("password",), None) is None
    assert masker.value((), {"Env": ["SECRET=abc", "A=b"]}) == {"Env": ["SECRET=***", "A=b"]}


def test_a_secret_of_a_document_is_known_everywhere(masker: Masker) -> None:
    masker.learn({"registry": {"password": "from-the-device"}, "env": {"API_KEY": {"value": "key-of-env"}}})
    assert masker.text("from-the-device and key-of-env") == "*** and ***"
