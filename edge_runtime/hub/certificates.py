"""The local certificate authority and the hub's server certificate (spec A.6, G.3).

Modules trust the authority's certificate alone, and keep the bundle that they were given: so it is made once
and lives in the state folder. Server certificates come and go below it.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import logging
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

logger = logging.getLogger(__name__)

_KEY_BITS = 2048
_CA_DAYS = 3650
_SERVER_DAYS = 365
_RENEW_BEFORE = dt.timedelta(days=30)
# Clocks differ: a certificate that is valid only from this second on fails on a device that is slow.
_BACKDATED = dt.timedelta(days=1)
_COMMON_NAME_LENGTH = 64


class CertificateError(Exception):
    """A certificate or key in the state folder cannot be used; the message names it and the mend."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files of the state folder; `chain_path` holds the server's certificate, then the authority's."""

    ca_pem_path: Path
    ca_key_path: Path
    chain_path: Path
    key_path: Path

    @property
    def trust_bundle(self) -> str:
        """What clients must trust, as PEM text."""
        return self.ca_pem_path.read_text()


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """PEM texts: a PKCS#8 key, and the certificate followed by its authority's."""

    key: str
    chain: str
    expiration: dt.datetime


@dataclass(frozen=True, slots=True)
class _Authority:
    certificate: x509.Certificate
    key: rsa.RSAPrivateKey


def ensure_certificates(folder: Path, *, gateway: str, also: Sequence[str] = ()) -> Certificates:
    """Make what is missing in `folder`; renew a server certificate that nears its end or lacks a name.

    `gateway` is the host name or IP address that clients connect to, `also` what else they may call it. Raises
    CertificateError when the authority is there but cannot be used: a new one would make every bundle already
    handed out worthless.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    files = Certificates(
        folder / "ca.pem", folder / "ca-key.pem", folder / "server-chain.pem", folder / "server-key.pem"
    )
    # The certificate is written last, so without it nobody has seen this authority.
    if not files.ca_pem_path.exists():
        _make_authority(files)
    authority = _load_authority(files)
    names = [_alternative_name(name) for name in dict.fromkeys((gateway, *also))]
    if not _server_is_good(files, authority, names):
        issued = _issue(authority, names, gateway, ExtendedKeyUsageOID.SERVER_AUTH)
        _write(files.key_path, issued.key)
        _write(files.chain_path, issued.chain)
        logger.info("A new server certificate for %s, valid until %s", gateway, issued.expiration)
    return files


def expiry(certificate: Path) -> dt.datetime:
    """When the first certificate of a file ends. Raises OSError, ValueError."""
    return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc


def server_context(certificates: Certificates) -> ssl.SSLContext:
    """TLS 1.2, which is all that the Python SDK speaks, and 1.3.

    A client's certificate is asked for and not required. One that is shown must come from the local authority: with
    this library TLS can only be told whom to trust, not be asked to let a stranger's certificate pass.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificates.chain_path, certificates.key_path)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(certificates.ca_pem_path)
    return context


def issue_server_certificate(
    certificates: Certificates, *, common_name: str, module: str, expiration: dt.datetime | None = None
) -> IssuedCertificate:
    """For a module that serves TLS itself: its names are `common_name` (DNS or IP) and the module's id.

    Takes a tenth of a second or more (a new RSA key): not for the event loop. Raises ValueError for a name
    that cannot be in a certificate.
    """
    names = list(dict.fromkeys([_alternative_name(common_name), _alternative_name(module)]))
    authority = _load_authority(certificates)
    return _issue(authority, names, common_name, ExtendedKeyUsageOID.SERVER_AUTH, expiration)


def issue_identity_certificate(
    certificates: Certificates, *, identity_uri: str, module: str, expiration: dt.datetime | None = None
) -> IssuedCertificate:
    """For a module as a TLS client; `identity_uri` is `URI:azureiot://HUB/devices/DEVICE/modules/MODULE`.

    As slow as `issue_server_certificate`.
    """
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(identity_uri), _alternative_name(module)]
    authority = _load_authority(certificates)
    return _issue(authority, names, module, ExtendedKeyUsageOID.CLIENT_AUTH, expiration)


def _make_authority(files: Certificates) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Edge runtime local CA")])
    now = dt.datetime.now(dt.UTC)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + dt.timedelta(days=_CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    _write(files.ca_key_path, _pem_key(key))
    _write(files.ca_pem_path, _pem(certificate))


def _load_authority(files: Certificates) -> _Authority:
    mend = f"stop the runtime and delete {files.ca_pem_path.parent}; modules then need a restart"
    try:
        certificate = x509.load_pem_x509_certificate(files.ca_pem_path.read_bytes())
        key = _load_key(files.ca_key_path)
    except (OSError, ValueError, TypeError) as error:
        raise CertificateError(f"the local CA cannot be read ({error}); {mend}") from error
    if not isinstance(key, rsa.RSAPrivateKey) or key.public_key() != certificate.public_key():
        raise CertificateError(f"{files.ca_key_path} is not the key of {files.ca_pem_path}; {mend}")
    if certificate.not_valid_after_utc <= dt.datetime.now(dt.UTC):
        raise CertificateError(f"{files.ca_pem_path} expired on {certificate.not_valid_after_utc}; {mend}")
    return _Authority(certificate, key)


def _server_is_good(files: Certificates, authority: _Authority, wanted: Sequence[x509.GeneralName]) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(files.chain_path.read_bytes())
        key = _load_key(files.key_path)
        certificate.verify_directly_issued_by(authority.certificate)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, TypeError, x509.ExtensionNotFound) as error:
        logger.debug("no usable server certificate: %s", error)
        return False
    except Exception:  # noqa: BLE001 - InvalidSignature derives from Exception alone
        return False
    until, latest = certificate.not_valid_after_utc, authority.certificate.not_valid_after_utc
    # A new one could not live longer than the authority.
    lasts = until - dt.datetime.now(dt.UTC) > _RENEW_BEFORE or until == latest
    return key.public_key() == certificate.public_key() and all(name in names for name in wanted) and lasts


def _issue(
    authority: _Authority,
    names: list[x509.GeneralName],
    common_name: str,
    usage: x509.ObjectIdentifier,
    expiration: dt.datetime | None = None,
) -> IssuedCertificate:
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    now = dt.datetime.now(dt.UTC)
    latest = authority.certificate.not_valid_after_utc
    until = min(expiration or now + dt.timedelta(days=_SERVER_DAYS), latest)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:_COMMON_NAME_LENGTH])])
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    certificate = (
        x509.CertificateBuilder(
            authority.certificate.subject, subject, key.public_key(), x509.random_serial_number()
        )
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(issuer_key, critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    chain = _pem(certificate) + _pem(authority.certificate)
    return IssuedCertificate(_pem_key(key), chain, certificate.not_valid_after_utc)


def _alternative_name(host: str) -> x509.GeneralName:
    """An IP address needs a name of its own kind: clients compare it with nothing else."""
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        if not host or not host.isascii():
            raise ValueError(f"{host!r} cannot be a name in a certificate") from None
        return x509.DNSName(host)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _load_key(path: Path) -> PrivateKeyTypes:
    """Raises OSError, ValueError, TypeError. Whether it belongs to its certificate is the caller's to compare."""
    # The file is this process's own and only its to write; to prove a key's primes anew takes 40 ms at each start.
    return serialization.load_pem_private_key(path.read_bytes(), None, unsafe_skip_rsa_key_validation=True)


def _pem_key(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _write(path: Path, text: str) -> None:
    """All or nothing, and readable by nobody else at any moment."""
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
