"""A certificate with which a device connects in place of a token, from the local authority (spec A.6)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from edge_runtime.hub.certificates import Certificates, IssuedCertificate, issue_identity_certificate
from edge_runtime.state_folder import write_private
from edge_runtime.supervisor.options import IOTHUB_HOSTNAME


def issue(endpoints: Mapping[str, Any], device: str) -> tuple[IssuedCertificate, str]:
    """A new certificate and its SHA-256 thumbprint. Raises CertificateError."""
    folder = _authority(endpoints)
    files = Certificates(folder / "ca.pem", folder / "ca-key.pem", folder / "none", folder / "none")
    uri = f"URI:azureiot://{IOTHUB_HOSTNAME}/devices/{device}"
    issued = issue_identity_certificate(files, identity_uri=uri, module=device)
    certificate = x509.load_pem_x509_certificate(issued.chain.encode())
    return issued, certificate.fingerprint(hashes.SHA256()).hex().upper()


def keep(endpoints: Mapping[str, Any], device: str, issued: IssuedCertificate) -> dict[str, str]:
    """Write certificate and key where only this user reads them; the variables that name them."""
    folder = _authority(endpoints) / "devices"
    folder.mkdir(mode=0o700, exist_ok=True)
    chain, key = folder / f"{device}.pem", folder / f"{device}-key.pem"
    write_private(chain, issued.chain)
    write_private(key, issued.key)
    return {"IOTHUB_DEVICE_X509_CERTIFICATE": str(chain), "IOTHUB_DEVICE_X509_KEY": str(key)}


def _authority(endpoints: Mapping[str, Any]) -> Path:
    return Path(endpoints["iothub"]["caFile"]).parent
