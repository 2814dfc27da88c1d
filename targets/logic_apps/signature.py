"""Signatures of Standard Webhooks (standardwebhooks.com, 1.0.0), which receivers verify with that project's libraries.

Signed is `ID.TIMESTAMP.BODY` with HMAC-SHA256. The id stays the same when a request is sent again, the timestamp does
not: a receiver refuses what is older than some minutes, and what it has seen.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

_PREFIX = "whsec_"
_KEY_BYTES = (24, 64)


class SecretError(ValueError):
    """A secret that is none; the message does not hold it."""


def key_of(secret: str) -> bytes:
    """The key in `whsec_` and base64, 24 to 64 bytes.

    Raises:
        SecretError: it is something else.
    """
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not _KEY_BYTES[0] <= len(key) <= _KEY_BYTES[1]:
        raise SecretError(
            f"expected {_PREFIX} and base64 of {_KEY_BYTES[0]} to {_KEY_BYTES[1]} random bytes, as "
            "`echo whsec_$(openssl rand -base64 32)` makes them"
        )
    return key


def headers(key: bytes, message_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """`webhook-id`, `webhook-timestamp` (seconds since 1970) and `webhook-signature`."""
    signed = b".".join((message_id.encode(), str(timestamp_s).encode(), body))
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": f"v1,{signature}",
    }
