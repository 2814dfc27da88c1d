"""Kinds of keys and signatures that every client can check (A.4, A.6)."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID

from edge_runtime.hub.certificates import Certificates, issue_server_certificate


def check(certificate: x509.Certificate) -> None:
    """RSA-2048, SHA-256, for servers alone, no CA."""
    key = certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size == 2048
    assert isinstance(certificate.signature_hash_algorithm, SHA256)
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_the_gateways_certificate_is_what_every_client_can_check(certificates: Certificates) -> None:
    """A.6-19b"""
    check(x509.load_pem_x509_certificate(certificates.chain_path.read_bytes()))


def test_a_modules_server_certificate_is_for_servers(certificates: Certificates) -> None:
    """A.4-12"""
    issued = issue_server_certificate(certificates, common_name="broker.plant", module="camera")
    check(x509.load_pem_x509_certificate(issued.chain.encode()))
