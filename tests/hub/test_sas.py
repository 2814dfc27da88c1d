"""Shared access signatures: what is let in, and the word for what is not (spec A.5)."""

from __future__ import annotations

import contextlib
from base64 import b64encode
from urllib.parse import quote

import pytest
from azure.iot.device.common.auth.sastoken import RenewableSasToken
from azure.iot.device.common.auth.signing_mechanism import SymmetricKeySigningMechanism
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.hub import sas
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import AuthenticationError

HUB = "Contoso.azure-devices.net"
GATEWAY = "gw.local"
MODULE = ClientId("edge", "camera")
DEVICE = ClientId("edge")
AUDIENCE = f"{HUB}/devices/edge/modules/camera"
PRIMARY, SECONDARY, DEVICE_KEY, OTHER = (bytes([n]) * 32 for n in range(4))
NOW = 1_800_000_000.0
EXPIRY = int(NOW) + 3600


def verify(token: str, client: ClientId = MODULE, now: float = NOW) -> float:
    keys = (PRIMARY, SECONDARY) if client.module else (DEVICE_KEY,)
    return sas.verify(
        token,
        client,
        keys=keys,
        device_keys=(DEVICE_KEY,) if client.module else (),
        hosts=(HUB, GATEWAY),
        now=now,
    )


def signed(audience: str = AUDIENCE, key: bytes = PRIMARY, expiry: int = EXPIRY) -> str:
    return sas.sign(audience, key, expiry=expiry)


def raw(encoded_audience: str, *, key: bytes = PRIMARY, expiry: str = str(EXPIRY)) -> str:
    """A well-signed token whose audience and expiry are spelled as given."""
    signature = b64encode(sas.digest(key, f"{encoded_audience}\n{expiry}".encode())).decode()
    return f"SharedAccessSignature sr={encoded_audience}&sig={quote(signature, safe='')}&se={expiry}"


def reordered(token: str) -> str:
    prefix, _, fields = token.partition(" ")
    return f"{prefix} {'&'.join(reversed(fields.split('&')))}"


@pytest.mark.parametrize(
    ("token", "client"),
    [
        (signed(), MODULE),
        (signed(key=SECONDARY), MODULE),
        (signed(f"{GATEWAY}:18443/devices/edge/modules/camera"), MODULE),
        (reordered(signed()), MODULE),
        (signed() + "&skn=policy", MODULE),
        (signed() + "&more=fields", MODULE),
        (raw(quote(AUDIENCE, safe="").lower()), MODULE),  # %2f, and ids in another case
        (raw(AUDIENCE), MODULE),  # nothing escaped
        (signed(f"{GATEWAY}/devices/edge/modules/camera"), MODULE),
        (signed(f"{HUB.upper()}/devices/EDGE/modules/Camera"), MODULE),
        (signed(f"{HUB}/devices/edge", DEVICE_KEY), DEVICE),
        (signed(f"{HUB}/devices/edge", DEVICE_KEY), MODULE),  # a module with its device's token
        (signed(expiry=int(NOW) - sas.LEEWAY_S), MODULE),
    ],
)
def test_accepts(token: str, client: ClientId) -> None:
    assert verify(token, client) == sas.parse(token).expiry


@pytest.mark.parametrize(
    ("token", "client", "reason"),
    [
        ("", MODULE, "malformed_token"),
        ("sr=a&sig=b&se=1", MODULE, "malformed_token"),
        ("SharedAccessSignature ", MODULE, "malformed_token"),
        ("SharedAccessSignature sr", MODULE, "malformed_token"),
        (signed().partition("&se=")[0], MODULE, "malformed_token"),
        (signed() + "&se=1", MODULE, "malformed_token"),  # a field twice
        (raw(AUDIENCE, expiry="tomorrow"), MODULE, "malformed_token"),
        (raw(AUDIENCE, expiry="-1"), MODULE, "malformed_token"),
        (raw(AUDIENCE, expiry="1e12"), MODULE, "malformed_token"),
        (raw(AUDIENCE, expiry="9" * 5000), MODULE, "malformed_token"),
        (raw(AUDIENCE, expiry="²"), MODULE, "malformed_token"),  # a digit, but not a number
        ("SharedAccessSignature " + "a" * 100_000, MODULE, "malformed_token"),
        (f"SharedAccessSignature sr={AUDIENCE}&sig=!!&se={EXPIRY}", MODULE, "malformed_token"),
        (f"SharedAccessSignature sr={AUDIENCE}&sig=AAAA&se={EXPIRY}", MODULE, "wrong_signature"),  # truncated
        (signed(key=OTHER), MODULE, "wrong_signature"),
        (signed().replace(str(EXPIRY), str(EXPIRY + 1)), MODULE, "wrong_signature"),
        (signed(key=DEVICE_KEY), MODULE, "wrong_signature"),  # the device's key, but the module's audience
        (signed(f"{HUB}/devices/edge", PRIMARY), MODULE, "wrong_signature"),
        (signed(f"{HUB}/devices/edge/modules/other"), MODULE, "wrong_audience"),
        (signed(f"{HUB}/devices/other/modules/camera"), MODULE, "wrong_audience"),
        (signed("evil.net/devices/edge/modules/camera"), MODULE, "wrong_audience"),
        (signed(f"{HUB}/devices/edge/modules/camera/more"), MODULE, "wrong_audience"),
        (signed(f"{HUB}/devices/edge/modules"), MODULE, "wrong_audience"),
        (signed(HUB), MODULE, "wrong_audience"),
        (signed(f"{HUB}/devices%2Fedge/modules/camera"), MODULE, "wrong_audience"),  # escaped twice
        (signed(AUDIENCE, DEVICE_KEY), DEVICE, "wrong_audience"),  # a module's token for the device
        (signed(expiry=int(NOW) - sas.LEEWAY_S - 1), MODULE, "expired_token"),
        (signed(expiry=0), MODULE, "expired_token"),
    ],
)
def test_refuses(token: str, client: ClientId, reason: str) -> None:
    with pytest.raises(AuthenticationError) as refusal:
        verify(token, client)
    assert refusal.value.reason == reason
    assert "AAAA" not in str(refusal.value)


@given(st.text() | st.text().map(lambda text: "SharedAccessSignature " + text))
def test_any_text_is_refused_with_a_reason(token: str) -> None:
    with pytest.raises(AuthenticationError):
        verify(token)


@given(st.data())
def test_a_changed_character_is_never_let_in_for_longer(data: st.DataObject) -> None:
    token = signed()
    index = data.draw(st.integers(0, len(token) - 1))
    changed = token[:index] + data.draw(st.characters()) + token[index + 1 :]
    with contextlib.suppress(AuthenticationError):
        assert verify(changed) == EXPIRY


@given(st.text(min_size=1), st.binary(min_size=1), st.integers(0, 10**15 - 1))
def test_what_is_signed_parses_back(audience: str, key: bytes, expiry: int) -> None:
    token = sas.parse(sas.sign(audience, key, expiry=expiry, policy="own er"))
    assert "/".join(token.segments) == audience
    assert (token.expiry, token.policy) == (expiry, "own er")
    assert token.signature == sas.digest(key, f"{token.audience}\n{expiry}".encode())


def test_a_token_of_the_sdk_is_let_in() -> None:
    mechanism = SymmetricKeySigningMechanism(b64encode(PRIMARY))
    token = RenewableSasToken(uri=AUDIENCE, signing_mechanism=mechanism, ttl=3600)
    assert verify(str(token), now=float(token.expiry_time) - 3600) == float(token.expiry_time)


def test_a_bad_key_is_not_repeated_in_the_error() -> None:
    with pytest.raises(ValueError, match="not base64") as error:
        sas.decode_key("s3cret!")
    assert "s3cret" not in str(error.value)
