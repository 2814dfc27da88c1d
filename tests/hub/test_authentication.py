"""Clients that show a certificate in place of a token (spec A.6)."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from edge_runtime.hub.authentication import thumbprint
from edge_runtime.hub.certificates import ensure_certificates, issue_identity_certificate
from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import AuthenticationError, NotReadyError
from edge_runtime.hub.registration import InvalidIdentityError, register, register_devices, unregister
from tests.hub.running import running_hub

METER = ClientId("meter")
KEY = base64.b64encode(b"1" * 32).decode()
KEYS = {"primaryKey": KEY, "secondaryKey": KEY}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """DER."""
    files = ensure_certificates(tmp_path_factory.mktemp("certificates"), gateway="gateway.local")
    issued = issue_identity_certificate(
        files, identity_uri="URI:azureiot://hub/devices/meter", module="meter"
    )
    return x509.load_pem_x509_certificate(issued.chain.encode()).public_bytes(Encoding.DER)


def refusal(hub: EdgeHub, certificate: bytes, client: ClientId = METER) -> str:
    with pytest.raises(AuthenticationError) as caught:
        hub.authenticate_certificate(client, certificate)
    return caught.value.reason


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
async def test_a_certificate_is_known_by_either_thumbprint(
    tmp_path: Path, certificate: bytes, algorithm: str
) -> None:
    shown = hashlib.new(algorithm, certificate).hexdigest()
    async with running_hub(tmp_path) as hub:
        with pytest.raises(NotReadyError):
            hub.authenticate_certificate(METER, certificate)
        await register_devices(hub, {"meter": {**KEYS, "thumbprints": ["0" * 40, shown]}})
        expected = x509.load_der_x509_certificate(certificate).not_valid_after_utc.timestamp()
        assert hub.authenticate_certificate(METER, certificate) == expected
        assert refusal(hub, certificate, ClientId("other")) == "unknown_identity"
    async with running_hub(tmp_path) as hub:
        assert hub.authenticate_certificate(METER, certificate) == expected
        # Its thumbprint is taken back, then it is disabled, then deleted.
        await register(hub, METER, {**KEYS, "thumbprints": ["0" * 64]})
        assert refusal(hub, certificate) == "unknown_certificate"
        await register(hub, METER, {**KEYS, "thumbprints": [shown], "barred": "disabled_identity"})
        assert refusal(hub, certificate) == "disabled_identity"
        await unregister(hub, METER)
        await register(hub, METER, KEYS)
        assert refusal(hub, certificate) == "unknown_certificate"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("ab" * 20, "AB" * 20),
        ("AB:" * 31 + "ab", "AB" * 32),
        ("ab " * 20, "AB" * 20),
        ("ab" * 21, None),
        ("", None),
        ("xy" * 20, None),
    ],
)
async def test_thumbprints_in_any_spelling(tmp_path: Path, text: str, plain: str | None) -> None:
    assert thumbprint(text) == plain
    if plain is None:
        async with running_hub(tmp_path) as hub:
            with pytest.raises(InvalidIdentityError, match="thumbprints"):
                await register(hub, METER, {**KEYS, "thumbprints": [text]})
