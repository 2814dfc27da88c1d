"""What must not be seen: user names and passwords in URLs, keys and signatures of IoT Hub."""

from __future__ import annotations

import re
from typing import Any

MASK = "***"
# A password may hold an unescaped "/" or "@": after "user:" everything up to the last "@" of the word goes.
_WITH_PASSWORD = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/@:?#\"']*:[^\s\"']*@")
_USER_ONLY = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/@?#\"']+@")
_NAMED = re.compile(
    r"((?:SharedAccessKey|sig|sas|password|passwd|pwd|token|access_key|secret)=)[^&;\s,\"']+", re.IGNORECASE
)


def redact(text: str) -> str:
    """`text` with every URL's credentials and every key, signature and token replaced by `***`."""
    if "://" in text:
        text = _WITH_PASSWORD.sub(rf"\1{MASK}@", text)
        text = _USER_ONLY.sub(rf"\1{MASK}@", text)
    return _NAMED.sub(rf"\1{MASK}", text) if "=" in text else text


def redact_json(value: Any) -> Any:
    """`value` with every text in it redacted."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: redact_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [redact_json(item) for item in value]
    return value
