from __future__ import annotations

import pytest

from serving.errors import ConfigurationError
from serving.settings import Settings, settings_from


def test_without_variables_the_defaults_hold() -> None:
    assert settings_from({"PATH": "/bin", "SERVING_QUEUE": " "}) == Settings()


def test_variables_reach_what_they_limit() -> None:
    settings = settings_from(
        {"SERVING_QUEUE": "40", "SERVING_BATCH": "4", "SERVING_WAIT_S": "0.5", "SERVING_PICTURE_BYTES": "100"}
    )
    assert (settings.batching.queue, settings.batching.batch, settings.batching.wait_s) == (40, 4, 0.5)
    assert settings.decoding.max_bytes == 100


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SERVING_QUEUE", "0", "SERVING_QUEUE"),
        ("SERVING_QUEUE", "many", "SERVING_QUEUE"),
        ("SERVING_WAIT_S", "nan", "SERVING_WAIT_S"),
        ("SERVING_WAIT_S", "0", "SERVING_WAIT_S"),
        ("SERVING_HEADER_TIMEOUT_S", "0", "SERVING_HEADER_TIMEOUT_S"),
        ("SERVING_BODY_TIMEOUT_S", "0", "SERVING_BODY_TIMEOUT_S"),
        ("SERVING_LOG_LEVEL", "loud", "SERVING_LOG_LEVEL"),
        ("SERVING_QEUE", "1", "SERVING_QEUE"),
        ("SERVING_BATCH", "64", ""),
    ],
)
def test_what_cannot_be_is_told_by_name(name: str, value: str, words: str) -> None:
    environment = {name: value}
    if name == "SERVING_BATCH":
        environment["SERVING_QUEUE"] = "32"
    with pytest.raises(ConfigurationError, match=words or "SERVING_QUEUE must be at least SERVING_BATCH"):
        settings_from(environment)
