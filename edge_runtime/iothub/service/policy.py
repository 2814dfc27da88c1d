"""The shared access policy that callers of the service API sign with (spec E.1)."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote_plus

from edge_runtime.hub import sas
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import AuthenticationError
from edge_runtime.iothub.service.errors import UnauthorizedError
from edge_runtime.state_folder import write_private

POLICY = "iothubowner"


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy's key, base64 of 32 random bytes; made once for a state folder, so that what was copied stays good.

    `port` is the one that the listener had, so that it can have it again; 0 before the first start.
    """

    key: str = field(repr=False)
    port: int = 0

    @classmethod
    def load(cls, path: Path) -> Self:
        """What the file says, or a fresh key when it is not there or cannot be used."""
        try:
            document: Any = json.loads(path.read_text())
            sas.decode_key(document["key"])
            return cls(document["key"], int(document["port"]))
        except (OSError, ValueError, KeyError, TypeError):
            return cls(base64.b64encode(secrets.token_bytes(32)).decode())

    def save(self, path: Path, port: int) -> None:
        """For this user alone; the folder must be there. Raises OSError."""
        write_private(path, {"policy": POLICY, "key": self.key, "port": port})
        path.chmod(0o600)

    def connection_string(self, host: str) -> str:
        return f"HostName={host};SharedAccessKeyName={POLICY};SharedAccessKey={self.key}"

    def check(self, header: str | None, hosts: Sequence[str], now: float) -> None:
        """`header` is the request's Authorization. Raises UnauthorizedError, which never holds the token."""
        try:
            token = sas.parse(header or "")
        except sas.TokenError as error:
            raise UnauthorizedError(f"Authorization: {error}") from None
        if token.policy != POLICY:
            raise UnauthorizedError(f"Authorization: the policy must be {POLICY}")
        audience = unquote_plus(token.audience).casefold()
        if audience not in {host.casefold() for host in hosts}:
            raise UnauthorizedError(f"Authorization: the token is not for {hosts[0]}")
        signed = f"{token.audience}\n{token.expiry_text}".encode(errors="surrogatepass")
        if not hmac.compare_digest(sas.digest(sas.decode_key(self.key), signed), token.signature):
            raise UnauthorizedError("Authorization: the signature is not that of the policy's key")
        if token.expiry + sas.LEEWAY_S < now:
            raise UnauthorizedError("Authorization: the token has expired")


def is_device_token(header: str | None) -> bool:
    """Whether it is a token without policy: one that a device signs with its own key."""
    try:
        return sas.parse(header or "").policy is None
    except sas.TokenError:
        return False


def check_device_token(
    header: str, device: str, keys: Sequence[str], hosts: Sequence[str], now: float
) -> None:
    """A token that the device signed itself, as iotedgehubdev does (spec E.9). Raises UnauthorizedError."""
    try:
        sas.verify(header, ClientId(device), keys=[sas.decode_key(key) for key in keys], hosts=hosts, now=now)
    except (AuthenticationError, ValueError):
        raise UnauthorizedError(f"Authorization: no good token of the device {device!r}") from None
