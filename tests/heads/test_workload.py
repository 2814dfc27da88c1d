"""The workload API over its unix socket, and through the SDK's own client (spec A.4)."""

from __future__ import annotations

import asyncio
import datetime as dt
import hmac
import stat
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from azure.iot.device.iothub.edge_hsm import IoTEdgeHsm
from cryptography import x509

from edge_runtime.heads.workload import API_VERSIONS, WorkloadApi, WorkloadSocket, serve_workload
from edge_runtime.hub.certificates import Certificates

KEY = bytes(range(32))
SIGN = "/modules/camera/genid/7/sign"


def api(certificates: Certificates, module: str = "camera", key: bytes = KEY) -> WorkloadApi:
    return WorkloadApi(
        module=module,
        identity_uri=f"URI:azureiot://hub.net/devices/edge/modules/{module}",
        key=lambda: key,
        certificates=certificates,
        modules=lambda: {"camera": "running", "classifier": "backoff"},
    )


@pytest.fixture
async def workload(certificates: Certificates, tmp_path: Path) -> AsyncIterator[WorkloadSocket]:
    served = await serve_workload(api(certificates), tmp_path / "camera.sock")
    yield served
    await served.close()


class Client:
    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def __call__(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        if "api-version" not in path:
            path += "?api-version=2020-07-07"
        async with self._session.request(method, f"http://workload{path}", **options) as response:
            return response.status, await response.json()


@pytest.fixture
async def ask(workload: WorkloadSocket) -> AsyncIterator[Client]:
    connector = aiohttp.UnixConnector(str(workload.path))
    async with aiohttp.ClientSession(connector=connector) as session:
        yield Client(session)


def text(data: bytes) -> str:
    return b64encode(data).decode()


async def test_the_sdks_own_client(workload: WorkloadSocket, certificates: Certificates) -> None:
    hsm = IoTEdgeHsm(
        module_id="camera", generation_id="stale", workload_uri=workload.uri, api_version="2018-06-28"
    )
    assert await asyncio.to_thread(hsm.get_certificate) == certificates.trust_bundle
    signature = await asyncio.to_thread(hsm.sign, "text to sign")
    assert b64decode(signature) == hmac.digest(KEY, b"text to sign", "sha256")


@pytest.mark.parametrize("version", sorted(API_VERSIONS))
async def test_api_versions(ask: Client, version: str) -> None:
    status, answer = await ask("GET", f"/trust-bundle?api-version={version}")
    assert status == 200
    assert answer["certificate"].startswith("-----BEGIN CERTIFICATE-----")


@pytest.mark.parametrize("query", ["?api-version=", "?api-version=2017-01-01", "?x=api-version"])
async def test_other_versions_are_refused_by_name(ask: Client, query: str) -> None:
    status, answer = await ask("GET", "/trust-bundle" + query)
    assert status == 400
    assert "2018-06-28" in answer["message"]


@pytest.mark.parametrize("path", ["/modules", "/modules/"])
async def test_modules(ask: Client, path: str) -> None:
    status, answer = await ask("GET", path)
    assert status == 200
    assert [(m["name"], m["id"], m["type"]) for m in answer["modules"]] == [
        ("camera", "camera", "docker"),
        ("classifier", "classifier", "docker"),
    ]
    assert answer["modules"][1]["status"]["runtimeStatus"]["status"] == "backoff"


async def test_the_manifest_trust_bundle_is_empty(ask: Client) -> None:
    assert await ask("GET", "/manifest-trust-bundle") == (200, {"certificate": ""})


async def test_without_the_local_ca(tmp_path: Path, certificates: Certificates) -> None:
    gone = Certificates(*[tmp_path / "gone"] * 4)
    served = await serve_workload(api(gone), tmp_path / "s.sock")
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(served.path))) as session:
        assert await Client(session)("GET", "/trust-bundle") == (404, {"message": "there is no trust bundle"})
        status, answer = await Client(session)("POST", "/modules/camera/certificate/identity")
        assert status == 500
        assert "cannot be read" in answer["message"]
    await served.close()


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        (SIGN, b"", 400, "data: base64 text expected"),
        (SIGN, b"{}", 400, "data: base64 text expected"),
        (SIGN, b'{"data": 7}', 400, "data: base64 text expected"),
        (SIGN, b'{"data": "a"}', 400, "data: not base64"),
        (SIGN, b'{"data": "\xc3\xa9"}', 400, "data: not base64"),
        (SIGN, b"{", 400, "the body is not JSON"),
        (SIGN, b"\xff", 400, "the body is not JSON"),
        (SIGN, b"[" * 100_000, 400, "the body is not JSON"),
        (SIGN, b"[]", 400, "the body is not a JSON object"),
        (SIGN.replace("camera", "classifier"), b'{"data": ""}', 403, "forbidden"),
        ("/modules/classifier/certificate/identity", b"", 403, "forbidden"),
        ("/nothing", b"", 404, "Not Found"),
        ("/trust-bundle", b"", 405, "Method Not Allowed"),
        (
            "/modules/camera/genid/7/certificate/server",
            b"{}",
            400,
            "commonName: a host name or an IP address",
        ),
        (
            "/modules/camera/genid/7/certificate/server",
            b'{"commonName": "a"}',
            400,
            "expiration: a time in ISO 8601 expected",
        ),
        (
            "/modules/camera/genid/7/certificate/server",
            b'{"commonName": "", "expiration": "2999-01-01T00:00:00Z"}',
            400,
            "commonName: '' cannot be a name",
        ),
        (
            "/modules/camera/certificate/identity",
            b'{"expiration": "x"}',
            400,
            "expiration: a time in ISO 8601",
        ),
        (
            "/modules/camera/certificate/identity",
            b'{"expiration": "2001-01-01"}',
            400,
            "expiration: has passed",
        ),
    ],
)
async def test_bad_requests(ask: Client, path: str, body: bytes, status: int, message: str) -> None:
    answered, answer = await ask("POST", path, data=body)
    assert answered == status
    assert answer["message"].startswith(message)


async def test_an_escaped_module_id(certificates: Certificates, tmp_path: Path) -> None:
    served = await serve_workload(api(certificates, "$edgeAgent"), tmp_path / "s.sock")
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(served.path))) as session:
        status, _ = await Client(session)("POST", "/modules/%24edgeAgent/genid/1/sign", json={"data": ""})
    await served.close()
    assert status == 200


class TestEncryption:
    path = "/modules/camera/genid/7/"

    @pytest.mark.parametrize("plain", [b"", b"secret", bytes(100_000)])
    async def test_round_trip(self, ask: Client, plain: bytes) -> None:
        vector = {"initializationVector": text(b"iv")}
        _, encrypted = await ask("POST", self.path + "encrypt", json={"plaintext": text(plain), **vector})
        assert plain not in b64decode(encrypted["ciphertext"]) or not plain
        assert await ask("POST", self.path + "decrypt", json={**encrypted, **vector}) == (
            200,
            {"plaintext": text(plain)},
        )

    @pytest.mark.parametrize(
        "change",
        [
            {"initializationVector": text(b"other")},
            {"ciphertext": text(b"")},
            {"ciphertext": text(bytes(40))},
        ],
    )
    async def test_anything_else_is_refused(self, ask: Client, change: dict[str, str]) -> None:
        body = {"plaintext": text(b"secret"), "initializationVector": text(b"iv")}
        _, encrypted = await ask("POST", self.path + "encrypt", json=body)
        status, _ = await ask("POST", self.path + "decrypt", json={**body, **encrypted, **change})
        assert status == 400


class TestCertificates:
    async def test_server(self, ask: Client, certificates: Certificates) -> None:
        until = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=2)).replace(microsecond=0)
        status, answer = await ask(
            "POST",
            "/modules/camera/genid/7/certificate/server",
            json={"commonName": "10.1.2.3", "expiration": until.isoformat().replace("+00:00", "Z")},
        )
        assert status == 201
        assert answer["privateKey"]["type"] == "key"
        assert dt.datetime.fromisoformat(answer["expiration"]) == until
        leaf, authority = x509.load_pem_x509_certificates(answer["certificate"].encode())
        leaf.verify_directly_issued_by(authority)
        assert authority == x509.load_pem_x509_certificate(certificates.trust_bundle.encode())

    async def test_identity(self, ask: Client) -> None:
        status, answer = await ask("POST", "/modules/camera/certificate/identity")
        assert status == 201
        leaf = x509.load_pem_x509_certificates(answer["certificate"].encode())[0]
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
        assert uris == ["URI:azureiot://hub.net/devices/edge/modules/camera"]


class TestSocket:
    async def test_every_user_may_connect_and_a_clean_stop_removes_it(
        self, certificates: Certificates, tmp_path: Path
    ) -> None:
        served = await serve_workload(api(certificates), tmp_path / "s.sock")
        assert stat.S_IMODE(served.path.stat().st_mode) == 0o666
        await served.close()
        assert not served.path.exists()

    async def test_what_a_killed_run_left_is_replaced_and_kept_by_its_successor(
        self, certificates: Certificates, tmp_path: Path
    ) -> None:
        first = await serve_workload(api(certificates), tmp_path / "s.sock")
        second = await serve_workload(api(certificates), tmp_path / "s.sock")
        await first.close()
        assert second.path.exists()
        await second.close()
        assert not second.path.exists()

    async def test_a_file_that_is_no_socket_is_left_alone(
        self, certificates: Certificates, tmp_path: Path
    ) -> None:
        (tmp_path / "s.sock").write_text("precious")
        with pytest.raises(FileExistsError, match="no socket"):
            await serve_workload(api(certificates), tmp_path / "s.sock")
        assert (tmp_path / "s.sock").read_text() == "precious"

    async def test_a_path_too_long_for_the_kernel(self, certificates: Certificates, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="at most 107"):
            await serve_workload(api(certificates), tmp_path / ("s" * 108))
