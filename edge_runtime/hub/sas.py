"""Shared access signatures: parse, sign, check (spec A.5). Pure: keys and the time come from the caller.

`SharedAccessSignature sr=AUDIENCE&sig=SIGNATURE&se=EXPIRY[&skn=POLICY]`, fields in any order. The signed
text is the percent-encoded audience as written, a newline, and the expiry as written; so either case of
`%2f` works.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import quote, unquote

from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import AuthenticationError

# How far the clocks of hub and client may differ, seconds. edgeHub allows as much after the expiry.
LEEWAY_S = 300
_PREFIX = "SharedAccessSignature "
_MAX_LENGTH = 8192
_MAX_EXPIRY_DIGITS = 15


class TokenError(ValueError):
    """A text that is no token; says which part is wrong, never what it held."""


@dataclass(frozen=True, slots=True)
class Token:
    """`audience` and `expiry_text` as written, `expiry` in Unix seconds, `signature` decoded (32 bytes)."""

    audience: str
    expiry_text: str
    signature: bytes = field(repr=False)
    policy: str | None = None

    @property
    def expiry(self) -> int:
        return int(self.expiry_text)

    @property
    def segments(self) -> list[str]:
        """`[HOST, "devices", DEVICE]` or `[HOST, "devices", DEVICE, "modules", MODULE]` of a good token."""
        return unquote(self.audience).split("/")


def digest(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA256, the only algorithm of SAS tokens and of the workload API's `sign`."""
    return hmac.digest(key, data, sha256)


def decode_key(text: str) -> bytes:
    """A shared access key from its base64 form. Raises ValueError, without the key in its text."""
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the shared access key is not base64") from None


def sign(audience: str, key: bytes, *, expiry: int, policy: str | None = None) -> str:
    """A token for `audience`, as `HUB/devices/DEVICE/modules/MODULE`, valid until `expiry` (Unix seconds)."""
    encoded = quote(audience, safe="")
    signature = quote(b64encode(digest(key, f"{encoded}\n{expiry}".encode())), safe="")
    token = f"{_PREFIX}sr={encoded}&sig={signature}&se={expiry}"
    return token if policy is None else f"{token}&skn={quote(policy, safe='')}"


def parse(text: str) -> Token:
    """Take a token apart without judging it. Unknown fields are ignored. Raises TokenError."""
    if len(text) > _MAX_LENGTH or not text.startswith(_PREFIX):
        raise TokenError("not a SharedAccessSignature")
    fields: dict[str, str] = {}
    for pair in text[len(_PREFIX) :].split("&"):
        name, equals, value = pair.partition("=")
        if not equals or name in fields:
            raise TokenError("a field without value, or twice")
        fields[name] = value
    if not all(fields.get(name) for name in ("sr", "sig", "se")):
        raise TokenError("sr, sig or se is missing")
    expiry = fields["se"]
    if not (expiry.isascii() and expiry.isdigit() and len(expiry) <= _MAX_EXPIRY_DIGITS):
        raise TokenError("se is not a time")
    try:
        signature = b64decode(unquote(fields["sig"]), validate=True)
    except (binascii.Error, ValueError):
        raise TokenError("sig is not base64") from None
    policy = fields.get("skn")
    return Token(fields["sr"], expiry, signature, unquote(policy) if policy else None)


def verify(
    text: str,
    client: ClientId,
    *,
    keys: Sequence[bytes],
    hosts: Sequence[str],
    now: float,
    device_keys: Sequence[bytes] = (),
) -> float:
    """Check that `text` lets `client` in; return its expiry in Unix seconds.

    `keys` are the client's primary and secondary key, `hosts` the names that an audience may begin with
    (the IoT Hub's and the gateway's). `device_keys` are those of the edge device when `client` is one of
    its modules: edgeHub lets such a module use a token of the device. Raises AuthenticationError with one
    of the reasons `malformed_token`, `wrong_audience`, `wrong_signature`, `expired_token`.
    """
    try:
        token = parse(text)
    except TokenError:
        raise AuthenticationError(str(client), "malformed_token") from None
    candidates = _keys_for(token, client, keys, device_keys, hosts)
    if candidates is None:
        raise AuthenticationError(str(client), "wrong_audience")
    signed = f"{token.audience}\n{token.expiry_text}".encode(errors="surrogatepass")
    # No early exit: the time taken must not tell which key was near.
    matches = [hmac.compare_digest(digest(key, signed), token.signature) for key in candidates]
    if not any(matches):
        raise AuthenticationError(str(client), "wrong_signature")
    if token.expiry + LEEWAY_S < now:
        raise AuthenticationError(str(client), "expired_token")
    return float(token.expiry)


def _keys_for(
    token: Token, client: ClientId, keys: Sequence[bytes], device_keys: Sequence[bytes], hosts: Sequence[str]
) -> Sequence[bytes] | None:
    """The keys that may have signed this audience for this client; None when it is for somebody else."""
    segments = [segment.casefold() for segment in token.segments]
    # The local IoT Hub has a port, which tools put into the connection strings that they make for modules.
    names = {segments[0], segments[0].partition(":")[0]}
    if not any(host.casefold() in names for host in hosts):
        return None
    device = ["devices", client.device.casefold()]
    if client.module is None:
        return keys if segments[1:] == device else None
    if segments[1:] == [*device, "modules", client.module.casefold()]:
        return keys
    return device_keys if device_keys and segments[1:] == device else None
