"""Who may connect, by a token or by the certificate of the TLS connection (spec A.5, A.6)."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Sequence

from cryptography import x509

from edge_runtime.hub import sas
from edge_runtime.hub.facts import Facts, barred, thumbprints
from edge_runtime.hub.identities import Identities, Identity
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import AuthenticationError, NotReadyError

_THUMBPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")


class Authentication:
    """`hosts` are the names that a token's audience may begin with: the IoT Hub's and the gateway's."""

    def __init__(self, device_id: str, identities: Identities, facts: Facts, hosts: Sequence[str]) -> None:
        self._device = ClientId(device_id)
        self._identities = identities
        self._facts = facts
        self._hosts = hosts

    def token(self, client: ClientId, token: str) -> float:
        """The token's expiry in Unix seconds. Raises AuthenticationError, NotReadyError."""
        identity = self._identity(client)
        device = self._identities.get(self._device) if client.module is not None else None
        return sas.verify(
            token,
            identity.client,
            keys=identity.keys,
            hosts=self._hosts,
            now=time.time(),
            device_keys=() if device is None else device.keys,
        )

    def certificate(self, client: ClientId, certificate: bytes) -> float:
        """The end of the certificate (DER), which TLS has found good, if it is the client's own.

        Raises AuthenticationError, NotReadyError.
        """
        self._identity(client)
        known = (self._facts.get(thumbprints(client)) or "").split(",")
        # The registry knows SHA-1, as IoT Hub's portal shows it, or SHA-256.
        shown = {hashlib.sha1(certificate, usedforsecurity=False).hexdigest().upper()}
        shown.add(hashlib.sha256(certificate).hexdigest().upper())
        if shown.isdisjoint(known):
            raise AuthenticationError(str(client), "unknown_certificate")
        return x509.load_der_x509_certificate(certificate).not_valid_after_utc.timestamp()

    def _identity(self, client: ClientId) -> Identity:
        identity = self._identities.get(client)
        if identity is None or identity.client != client:
            if self._identities.may_be_told(client):
                raise NotReadyError(f"{client}: not known, and not everybody has been made known yet")
            raise AuthenticationError(str(client), "unknown_identity")
        reason = self._facts.get(barred(client))
        if reason is not None:
            raise AuthenticationError(str(client), reason)
        return identity


def thumbprint(text: str) -> str | None:
    """A thumbprint as it is compared, of any spelling (`ab:cd..`, `ab cd..`); None for what is none."""
    plain = re.sub(r"[:\s-]", "", text).upper()
    return plain if _THUMBPRINT.fullmatch(plain) else None
