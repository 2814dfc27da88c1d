"""Certificates: what clients check, and what survives a restart (spec A.6, G.3)."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from edge_runtime.hub import certificates
from edge_runtime.hub.certificates import CertificateError, Certificates, ensure_certificates, server_context


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return ensure_certificates(tmp_path_factory.mktemp("certificates"), gateway="127.0.0.9")


def leaf(files: Certificates) -> x509.Certificate:
    return x509.load_pem_x509_certificate(files.chain_path.read_bytes())


@contextmanager
def serving(context: ssl.SSLContext) -> Iterator[int]:
    """One TLS handshake on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            accepted, _ = listener.accept()
            try:
                context.wrap_socket(accepted, server_side=True).close()
            except OSError:
                accepted.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join(10)


def handshake(files: Certificates, client: ssl.SSLContext, name: str) -> str | None:
    client.load_verify_locations(cadata=files.trust_bundle)
    with (
        serving(server_context(files)) as port,
        socket.create_connection(("127.0.0.1", port)) as plain,
        client.wrap_socket(plain, server_hostname=name) as secured,
    ):
        return secured.version()


@pytest.mark.filterwarnings("ignore:ssl.PROTOCOL_TLSv1_2 is deprecated")
def test_the_python_sdks_exact_tls_1_2(made: Certificates) -> None:
    client = ssl.SSLContext(ssl.PROTOCOL_TLSv1_2)
    client.verify_mode, client.check_hostname = ssl.CERT_REQUIRED, True
    assert handshake(made, client, "127.0.0.9") == "TLSv1.2"


def test_a_strict_tls_1_3_client(made: Certificates) -> None:
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    assert handshake(made, client, "127.0.0.9") == "TLSv1.3"


def test_another_name_is_refused_by_the_client(made: Certificates) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(made, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "127.0.0.8")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_tls_1_1_is_refused(made: Certificates) -> None:
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(OSError):
        handshake(made, client, "127.0.0.9")


def test_only_the_authority_is_a_ca(made: Certificates) -> None:
    authority = x509.load_pem_x509_certificate(made.ca_pem_path.read_bytes())
    constraints = [
        certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        for certificate in (authority, leaf(made))
    ]
    assert constraints == [True, False]
    usage = leaf(made).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    chain = x509.load_pem_x509_certificates(made.chain_path.read_bytes())
    assert chain == [leaf(made), authority]


def test_nobody_else_may_read_any_of_it(made: Certificates) -> None:
    folder = made.key_path.parent
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert len(list(folder.iterdir())) == 4


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    first = ensure_certificates(tmp_path, gateway="gw.local")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert ensure_certificates(tmp_path, gateway="gw.local") == first
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def expires_soon(files: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(certificates, "_SERVER_DAYS", 29)
        files.chain_path.unlink()
        ensure_certificates(files.chain_path.parent, gateway="gw.local")


@pytest.mark.parametrize(
    ("damage", "gateway"),
    [
        (lambda files, _: None, "other.local"),
        (lambda files, _: None, "127.0.0.5"),
        (lambda files, _: files.key_path.unlink(), "gw.local"),
        (lambda files, _: files.chain_path.write_text("garbage"), "gw.local"),
        (lambda files, _: files.chain_path.write_bytes(files.ca_pem_path.read_bytes()), "gw.local"),
        (lambda files, _: files.key_path.write_bytes(files.ca_key_path.read_bytes()), "gw.local"),
        (expires_soon, "gw.local"),
    ],
    ids=["other name", "other address", "no key", "garbage", "not a server's", "foreign key", "near its end"],
)
def test_a_server_certificate_is_renewed_below_the_same_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: object, gateway: str
) -> None:
    files = ensure_certificates(tmp_path, gateway="gw.local")
    bundle = files.trust_bundle
    assert callable(damage)
    damage(files, monkeypatch)
    before = files.chain_path.read_bytes()
    ensure_certificates(tmp_path, gateway=gateway)
    assert files.chain_path.read_bytes() != before
    assert files.trust_bundle == bundle
    assert leaf(files).not_valid_after_utc > dt.datetime.now(dt.UTC) + dt.timedelta(days=300)
    server_context(files)


def test_a_server_certificate_carries_all_names_and_is_renewed_for_one_that_it_lacks(tmp_path: Path) -> None:
    files = ensure_certificates(tmp_path, gateway="gw.local", also=("172.18.0.1", "gw.local"))
    names = leaf(files).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["gw.local"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("172.18.0.1")]
    before = files.chain_path.read_bytes()
    ensure_certificates(tmp_path, gateway="gw.local", also=("172.18.0.1",))
    assert files.chain_path.read_bytes() == before
    ensure_certificates(tmp_path, gateway="gw.local", also=("172.18.0.1", "edgeHub"))
    assert files.chain_path.read_bytes() != before


@pytest.mark.parametrize("name", ["ca-key.pem", "ca.pem"])
def test_an_authority_that_was_handed_out_is_never_replaced_silently(tmp_path: Path, name: str) -> None:
    ensure_certificates(tmp_path, gateway="gw.local")
    (tmp_path / name).write_text("garbage")
    with pytest.raises(CertificateError, match="delete"):
        ensure_certificates(tmp_path, gateway="gw.local")


def test_an_authority_that_a_crash_left_half_made_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "ca-key.pem").write_text("a key that was written before the crash")
    ensure_certificates(tmp_path, gateway="gw.local")


@pytest.mark.parametrize(
    ("common_name", "names"),
    [
        ("broker.plant", [x509.DNSName("broker.plant"), x509.DNSName("camera")]),
        ("10.0.0.7", [x509.IPAddress(ipaddress.ip_address("10.0.0.7")), x509.DNSName("camera")]),
        ("camera", [x509.DNSName("camera")]),
        ("n" * 200, [x509.DNSName("n" * 200), x509.DNSName("camera")]),  # a CN has at most 64 characters
    ],
)
def test_a_modules_server_certificate(
    made: Certificates, common_name: str, names: list[x509.GeneralName]
) -> None:
    until = dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(hours=1)
    issued = certificates.issue_server_certificate(
        made, common_name=common_name, module="camera", expiration=until
    )
    certificate = x509.load_pem_x509_certificate(issued.chain.encode())
    assert list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value) == names
    assert issued.expiration == certificate.not_valid_after_utc == until
    assert issued.key.startswith("-----BEGIN PRIVATE KEY-----")  # PKCS#8


def test_a_certificate_never_outlives_its_authority(made: Certificates) -> None:
    issued = certificates.issue_identity_certificate(
        made,
        identity_uri="azureiot://hub/devices/d/modules/m",
        module="m",
        expiration=dt.datetime.max.replace(tzinfo=dt.UTC),
    )
    authority = x509.load_pem_x509_certificate(made.ca_pem_path.read_bytes())
    assert issued.expiration == authority.not_valid_after_utc


@pytest.mark.parametrize("name", ["", "käse"])
def test_a_name_that_no_certificate_can_have(made: Certificates, name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a name"):
        certificates.issue_server_certificate(made, common_name=name, module="m")
