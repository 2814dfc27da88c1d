"""The two keys of the service, from the environment or from files that change while it runs.

Two keys, so that one can be replaced while clients still use the other. Kept and compared are hashes: the time
of a comparison says nothing about a key.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from collections.abc import Mapping
from pathlib import Path

from serving.errors import ConfigurationError

PRIMARY, SECONDARY = "SCORING_KEY_PRIMARY", "SCORING_KEY_SECONDARY"
READ_AGAIN_S = 1.0
"""Files are looked at that often at most, when a request comes."""
MAX_KEY_BYTES = 4096
_ADVISED_CHARACTERS = 16

_log = logging.getLogger(__name__)


class KeyRing:
    """Which keys are good now."""

    def __init__(self, fixed: Mapping[str, str], files: Mapping[str, Path]) -> None:
        """Take what is given and read the files.

        Args:
            fixed: keys by variable name.
            files: files that hold a key each, by variable name; read again when they change.

        Raises:
            ConfigurationError: there is no key, or a file cannot be read.
        """
        self._fixed = {name: _hash(key.encode("utf-8", "surrogateescape")) for name, key in fixed.items()}
        self._files = dict(files)
        self._read: dict[str, bytes] = {}
        self._looked_s = float("-inf")
        for name, key in fixed.items():
            _advise(name, key)
        for name, path in files.items():
            try:
                _advise(f"{name}_FILE", _key_in(path))
            except OSError as error:
                raise ConfigurationError(f"{name}_FILE: {path}: {error.strerror}") from None
        self._look()
        if not self._good():
            raise ConfigurationError(
                f"no key: set {PRIMARY} (and {SECONDARY}), or {PRIMARY}_FILE to a file that holds one"
            )

    def admits(self, key: bytes) -> bool:
        """Whether `key` is one of the keys that are good now. Every one is compared, in constant time."""
        if self._files and time.monotonic() - self._looked_s > READ_AGAIN_S:
            self._look()
        given = _hash(key)
        return sum(hmac.compare_digest(given, good) for good in self._good()) > 0

    def _good(self) -> list[bytes]:
        return [*self._fixed.values(), *self._read.values()]

    def _look(self) -> None:
        self._looked_s = time.monotonic()
        found = {}
        for name, path in self._files.items():
            try:
                key = _key_in(path)
            except OSError as error:
                # A key whose file is gone is withdrawn.
                if name in self._read:
                    _log.warning("%s_FILE: %s: %s; this key is no longer good", name, path, error.strerror)
                continue
            if key:
                found[name] = _hash(key.encode("utf-8", "surrogateescape"))
        if self._read and found != self._read:
            _log.info("the keys in files have changed")
        self._read = found


def keys_from(environment: Mapping[str, str]) -> KeyRing:
    """The keys that `environment` gives or names files of; a file is taken before a variable.

    Raises:
        ConfigurationError: there is none, or a file cannot be read.
    """
    names = PRIMARY, SECONDARY
    files = {name: Path(environment[f"{name}_FILE"]) for name in names if environment.get(f"{name}_FILE")}
    # A client's key comes without the spaces around it, as a file's does.
    given = {name: environment.get(name, "").strip() for name in names if name not in files}
    fixed = {name: key for name, key in given.items() if key}
    return KeyRing(fixed, files)


def _key_in(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(MAX_KEY_BYTES).decode("utf-8", "surrogateescape").strip()


def _hash(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


def _advise(name: str, key: str) -> None:
    if len(key) < _ADVISED_CHARACTERS:
        _log.warning("%s: a key of %d characters can be guessed", name, len(key))
