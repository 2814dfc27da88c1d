"""Who connects, and may they? From a CONNECT packet to a client, or to the CONNACK code of a refusal.

The Python SDK gives up for good at code 5 during a reconnect, so that is for bad credentials alone; whatever
may pass is answered with 3 (spec A.7).
"""

from __future__ import annotations

from edge_runtime.heads.mqtt.packets import Connect
from edge_runtime.heads.mqtt.topics import Username, UsernameError, parse_username
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import AuthenticationError, Hub, NotReadyError

ACCEPTED = 0
SERVER_UNAVAILABLE = 3
NOT_AUTHORIZED = 5


class RefusedError(Exception):
    """`code` goes into the CONNACK; `reason` is a fixed word for the counter; the text goes to the log."""

    def __init__(self, code: int, reason: str, detail: str, client: ClientId | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.reason = reason
        self.client = client


def identify(connect: Connect) -> Username:
    """What the user name states; the client id must equal its identity, ordinally (spec A.6)."""
    try:
        username = parse_username(connect.username or "")
    except UsernameError as error:
        raise RefusedError(SERVER_UNAVAILABLE, "bad_username", str(error)) from None
    client = username.client
    if connect.client_id != str(client):
        detail = f"client id {connect.client_id[:200]!r} is not the user name's {str(client)[:200]!r}"
        raise RefusedError(SERVER_UNAVAILABLE, "client_id_mismatch", detail)
    return username


def authenticate(hub: Hub, client: ClientId, password: bytes | None, certificate: bytes | None) -> float:
    """The expiry of the client's token, in Unix seconds; without a token, that of its certificate (DER)."""
    try:
        token = (password or b"").decode()
    except UnicodeDecodeError:
        token = ""
    try:
        if password is None and certificate is not None:
            return hub.authenticate_certificate(client, certificate)
        return hub.authenticate(client, token)
    except AuthenticationError as error:
        raise RefusedError(NOT_AUTHORIZED, "not_authenticated", str(error), client) from None
    except NotReadyError as error:
        raise RefusedError(SERVER_UNAVAILABLE, "not_ready", str(error), client) from None
