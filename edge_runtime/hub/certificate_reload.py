"""Takes a renewed certificate into listeners that run. Connections that are open keep the one they began with."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Sequence
from pathlib import Path

logger = logging.getLogger(__name__)

CHECK_S = 3600.0


class CertificateReload:
    """Loads `chain` and `key` into `contexts` again when the chain's file has changed since it was loaded last.

    To be made before, or as, the contexts load it first.
    """

    def __init__(self, chain: Path, key: Path, contexts: Sequence[ssl.SSLContext]) -> None:
        self._chain = chain
        self._key = key
        self._contexts = contexts
        self._loaded = _version(chain)

    def check(self) -> bool:
        """Whether there was a new one. One that cannot be used is told, and looked at again next time."""
        try:
            found = _version(self._chain)
            if found == self._loaded:
                return False
            for context in self._contexts:
                context.load_cert_chain(self._chain, self._key)
        except OSError as error:
            # Its key is written just before it: between the two they do not fit.
            logger.warning("%s cannot be loaded, the old certificate stays in use: %s", self._chain, error)
            return False
        self._loaded = found
        return True


def _version(path: Path) -> tuple[int, int]:
    """Another for each file that was put there: they are replaced, never written into."""
    status = path.stat()
    return status.st_ino, status.st_mtime_ns
