"""Uploads to Azurite, Microsoft's own emulator of Azure Storage, which checks signatures, headers and digests."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import hmac
import json
import os
import re
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import Message
from urllib.parse import quote, urlencode

import pytest

from edge_runtime.agent.methods.blob import Blob, UploadError, upload
from tests.patience import wait_for

# Azurite's account is the same everywhere, and in its documentation.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
VERSION = "2021-08-06"


@pytest.fixture(scope="module")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The account's URL."""
    program = os.environ.get("AZURITE") or shutil.which("azurite-blob")
    if program is None:
        pytest.skip("Azurite is not there (npm install azurite; AZURITE=.../node_modules/.bin/azurite-blob)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("azurite")
    options = ["--silent", "--location", str(folder), "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    with (folder / "azurite.out").open("wb") as output:
        process = subprocess.Popen([program, *options], stdout=output, stderr=output)

    def listens() -> bool:
        assert process.poll() is None, (folder / "azurite.out").read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    wait_for(listens, "Azurite")
    yield f"http://127.0.0.1:{port}/{ACCOUNT}"
    process.terminate()
    process.wait()


def account_sas(permissions: str) -> str:
    """The query that allows `permissions` in all of the account for an hour."""
    fields = {
        "sp": permissions,
        "ss": "b",
        "srt": "sco",
        "st": "",
        "se": (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "sip": "",
        "spr": "https,http",
        "sv": VERSION,
        "ses": "",
    }
    text = "\n".join([ACCOUNT, *fields.values(), ""])
    digest = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
    given = {name: value for name, value in fields.items() if value}
    return urlencode({**given, "sig": base64.b64encode(digest).decode()})


def request(method: str, url: str) -> tuple[bytes, Message]:
    asked = urllib.request.Request(url, method=method, headers={"x-ms-version": VERSION})
    with urllib.request.urlopen(asked) as answer:
        return answer.read(), answer.headers


@pytest.fixture
def container(azurite: str) -> str:
    """A new container's URL."""
    url = f"{azurite}/logs-{os.urandom(4).hex()}"
    request("PUT", f"{url}?restype=container&{account_sas('rwdlac')}")
    return url


async def test_a_log_arrives_as_a_block_blob(container: str) -> None:
    name = "local.azure-devices.net/edge/camera-2026-01-31--12-00-00.json.gz"
    content = gzip.compress(json.dumps([{"text": "one"}]).encode())
    await upload(f"{container}?{account_sas('cw')}", Blob(name, content, "application/json", "gzip"))
    found, headers = request("GET", f"{container}/{quote(name)}?{account_sas('r')}")
    assert found == content
    assert headers["Content-Type"] == "application/json"
    assert headers["Content-Encoding"] == "gzip"
    assert headers["x-ms-blob-type"] == "BlockBlob"


async def test_a_name_with_signs_of_its_own_arrives_as_it_is(container: str) -> None:
    name = "hub/edge 1%+#é/camera.log"
    await upload(f"{container}?{account_sas('cw')}", Blob(name, b"x", "text/plain"))
    listed, _ = request("GET", f"{container}?restype=container&comp=list&{account_sas('rl')}")
    assert re.findall(r"<Name>(.*?)</Name>", listed.decode()) == [name]


async def test_twenty_megabytes_arrive(container: str) -> None:
    content = os.urandom(20 * 2**20)
    await upload(f"{container}?{account_sas('cw')}", Blob("big.zip", content, "application/zip"))
    found, _ = request("GET", f"{container}/big.zip?{account_sas('r')}")
    assert hashlib.sha256(found).digest() == hashlib.sha256(content).digest()


@pytest.mark.parametrize(
    ("permissions", "change", "said"),
    [("r", "", "403 Authorization"), ("cw", "x", "403 Authorization")],
)
async def test_a_signature_that_does_not_allow_it_is_refused(
    container: str, permissions: str, change: str, said: str
) -> None:
    url = f"{container}?{account_sas(permissions).replace('sig=', f'sig={change}')}"
    with pytest.raises(UploadError, match=said):
        await upload(url, Blob("a.log", b"x", "text/plain"))


async def test_a_container_that_is_not_there_is_named(azurite: str) -> None:
    with pytest.raises(UploadError, match="404 ContainerNotFound"):
        await upload(f"{azurite}/nowhere?{account_sas('cw')}", Blob("a.log", b"x", "text/plain"))
