"""What must not be seen: registry passwords, keys, signatures, credentials in URLs (spec F.5: never logged)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from edge_runtime.manifest.secret_check import SECRET_NAME

MASK = "***"
_LEAST_INSIDE = 6
"""A shorter secret is masked where it is a whole value: inside of texts it would hide words that are none."""
_IN_TEXT = (
    re.compile(r"(SharedAccessKey=|AccountKey=|[?&]sig=|\bsig=)[^\s;&\"',]+"),
    re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)(?:[^\s/@:?#\"']*:[^\s\"']*|[^\s/@?#\"']+)@"),
    re.compile(r"(-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----).*", re.DOTALL),
    re.compile(
        r"\b(\w*(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY)=)[^\s;&\"',]+",
        re.IGNORECASE,
    ),
)
_VARIABLE = re.compile(
    r"PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|CONNECTION_?STRING", re.IGNORECASE
)


class Masker:
    """Knows the secrets of this deployment, and what looks like one."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()

    def learn_variables(self, values: Mapping[str, str]) -> None:
        """Variables named like secrets; of a connection string its key."""
        for name, value in values.items():
            if _VARIABLE.search(name):
                key = re.search(r"SharedAccessKey=([^;]+)", value)
                self._add(key[1] if key else value)

    def learn(self, document: Any, name: str = "") -> None:
        """Values named like secrets, anywhere in a document."""
        if isinstance(document, Mapping):
            for key, value in document.items():
                self.learn(value, name if key == "value" else str(key))
        elif isinstance(document, list):
            for value in document:
                self.learn(value, name)
        elif isinstance(document, str) and SECRET_NAME.search(name):
            self._add(document)

    def text(self, text: str) -> str:
        """A message without secrets."""
        if text in self._secrets:
            return MASK
        for secret in sorted(self._secrets, key=len, reverse=True):
            if len(secret) >= _LEAST_INSIDE:
                text = text.replace(secret, MASK)
        for pattern in _IN_TEXT:
            text = pattern.sub(rf"\g<1>{MASK}{'@' if '://' in pattern.pattern else ''}", text)
        return text

    def value(self, path: Iterable[str], value: Any) -> Any:
        """A value of a document, by where it stands: masked whole when a name above it is that of a secret."""
        names = [name for name in path if name != "value"]
        if value is not None and names and SECRET_NAME.search(names[-1]):
            return MASK
        if isinstance(value, Mapping):
            return {key: self.value((*names, str(key)), inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.value(names, inner) for inner in value]
        return self.text(value) if isinstance(value, str) else value

    def _add(self, secret: str) -> None:
        if secret.strip():
            self._secrets.add(secret)
