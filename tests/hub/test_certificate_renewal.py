"""The server certificate is renewed while listeners run, and nobody is thrown out for it."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import ssl
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509

from edge_runtime.hub import certificates
from edge_runtime.hub.certificate_reload import CertificateReload
from edge_runtime.hub.certificate_renewal import WARN_BEFORE, CertificateRenewal
from edge_runtime.hub.certificates import Certificates, ensure_certificates, expiry, server_context
from tests.patience import PATIENCE_S

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Listener:
    """Echoes over TLS; `renewal` keeps its certificate."""

    def __init__(self, folder: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ensure = partial(ensure_certificates, folder, gateway="gateway.local")
        with monkeypatch.context() as patched:
            patched.setattr(certificates, "_SERVER_DAYS", 5)
            self.files: Certificates = self.ensure()
        self.context = server_context(self.files)
        reload = CertificateReload(self.files.chain_path, self.files.key_path, [self.context])
        self.renewal = CertificateRenewal(self.files, self.ensure, reload, every_s=0.01)
        self._address = address
        self._open: list[Streams] = []

    async def connect(self) -> tuple[Streams, x509.Certificate]:
        """A connection, and the certificate that it was served."""
        client = ssl.create_default_context(cadata=self.files.trust_bundle)
        reader, writer = await asyncio.open_connection(
            self._address, 8883, ssl=client, server_hostname="gateway.local"
        )
        self._open.append((reader, writer))
        return (reader, writer), x509.load_der_x509_certificate(
            writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        )

    async def serve(self) -> asyncio.Server:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(100):
                writer.write(data)
            writer.close()

        return await asyncio.start_server(echo, self._address, 8883, ssl=self.context)

    async def end(self) -> None:
        for _, writer in self._open:
            writer.close()
            await writer.wait_closed()


@pytest.fixture
async def listener(tmp_path: Path, loopback: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Listener]:
    listener = Listener(tmp_path, loopback, monkeypatch)
    server = await listener.serve()
    yield listener
    await listener.end()
    server.close()
    await server.wait_closed()


async def test_new_connections_get_the_new_one_and_old_ones_go_on(listener: Listener) -> None:
    (reader, writer), old = await listener.connect()
    assert old.not_valid_after_utc < dt.datetime.now(dt.UTC) + dt.timedelta(days=6)
    running = asyncio.create_task(listener.renewal.run())
    async with asyncio.timeout(PATIENCE_S):
        while (new := (await listener.connect())[1]) == old:
            await asyncio.sleep(0.02)
    running.cancel()
    assert new.not_valid_after_utc > dt.datetime.now(dt.UTC) + dt.timedelta(days=300)
    writer.write(b"still here")
    assert await asyncio.wait_for(reader.readexactly(10), PATIENCE_S) == b"still here"


async def test_what_is_good_stays(listener: Listener) -> None:
    await listener.renewal.check()
    renewed = listener.files.chain_path.read_bytes()
    await listener.renewal.check()
    assert listener.files.chain_path.read_bytes() == renewed


async def test_a_failure_is_told_and_tried_again(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    key = listener.files.ca_key_path
    kept = key.read_bytes()
    key.write_text("garbage")
    await listener.renewal.check()
    assert "could not be renewed" in caplog.text
    assert str(key.parent) in caplog.text
    _, served = await listener.connect()
    key.write_bytes(kept)
    await listener.renewal.check()
    assert (await listener.connect())[1] != served


async def test_half_of_a_renewal_is_not_served(listener: Listener, caplog: pytest.LogCaptureFixture) -> None:
    """As another process sees it that looks between the writing of key and chain."""
    _, before = await listener.connect()
    reload = CertificateReload(listener.files.chain_path, listener.files.key_path, [listener.context])
    other = listener.files.key_path.with_name("other.pem")
    other.write_bytes(listener.files.ca_key_path.read_bytes())
    other.replace(listener.files.key_path)
    listener.files.chain_path.touch()
    assert not reload.check()
    assert "stays in use" in caplog.text
    assert (await listener.connect())[1] == before
    listener.ensure()
    assert reload.check()
    assert (await listener.connect())[1] != before
    assert not reload.check()


@pytest.mark.parametrize(("days", "warned"), [(8, False), (6, True), (-1, True)])
async def test_seven_days_before_its_end_without_a_new_one_it_warns(
    listener: Listener, caplog: pytest.LogCaptureFixture, days: int, warned: bool
) -> None:
    """As it goes in the last days of the authority, which nothing that it signs outlives."""
    until = expiry(listener.files.chain_path)
    reload = CertificateReload(listener.files.chain_path, listener.files.key_path, [])
    renewal = CertificateRenewal(
        listener.files, lambda: None, reload, now=lambda: until - dt.timedelta(days=days)
    )
    caplog.set_level(logging.WARNING)
    await renewal.check()
    assert (until.isoformat() in caplog.text) is warned
    assert dt.timedelta(days=7) == WARN_BEFORE


def test_a_certificate_that_lives_as_long_as_its_authority_is_not_made_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificates, "_CA_DAYS", 20)
    files = ensure_certificates(tmp_path, gateway="gateway.local")
    assert expiry(files.chain_path) == expiry(files.ca_pem_path)
    made = files.chain_path.read_bytes()
    ensure_certificates(tmp_path, gateway="gateway.local")
    assert files.chain_path.read_bytes() == made
