"""CONNECT: who gets in, which code the others get, and how connections end (spec A.6, A.7)."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from edge_runtime.heads.mqtt import connection, server
from edge_runtime.heads.mqtt.encoder import encode
from edge_runtime.heads.mqtt.packets import Connack, Connect, Disconnect, Pingreq, Puback, Publish, Will
from edge_runtime.heads.mqtt.server import MqttServer
from edge_runtime.hub import sas
from edge_runtime.hub.certificates import (
    Certificates,
    ensure_certificates,
    issue_identity_certificate,
    server_context,
)
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import AuthenticationError, NotReadyError
from tests.heads import conftest
from tests.heads.raw_client import RawClient
from tests.heads.scripted_hub import ScriptedHub
from tests.patience import PATIENCE_S

CAMERA = ClientId("edge", "camera")
INPUTS = "devices/edge/modules/camera/inputs/#"


async def test_a_module_and_a_device_get_in(hub: ScriptedHub, connect: conftest.Connect) -> None:
    await connect("edge/camera", password=b"SharedAccessSignature x")
    await connect("leaf")
    assert hub.links.keys() == {CAMERA, ClientId("leaf")}
    assert hub.tokens[0] == "SharedAccessSignature x"


@pytest.mark.parametrize(
    ("fields", "error", "code", "reason"),
    [
        ({"username": None, "password": None}, None, 3, "bad_username"),
        ({"username": "hub.net/edge/camera"}, None, 3, "bad_username"),
        ({"username": "hub.net/edge/other/?api-version=1"}, None, 3, "client_id_mismatch"),
        ({"username": "hub.net/edge/Camera/?api-version=1"}, None, 3, "client_id_mismatch"),  # ordinal
        ({"username": "hub.net/edge/?api-version=1"}, None, 3, "client_id_mismatch"),
        ({}, AuthenticationError("edge/camera", "expired_token"), 5, "not_authenticated"),
        ({"password": b"\xff"}, AuthenticationError("edge/camera", "malformed"), 5, "not_authenticated"),
        ({"password": None}, AuthenticationError("edge/camera", "malformed"), 5, "not_authenticated"),
        ({}, NotReadyError("starting"), 3, "not_ready"),  # 5 would end the Python client for good
    ],
)
async def test_refusals(
    hub: ScriptedHub,
    connect: conftest.Connect,
    fields: dict[str, object],
    error: Exception | None,
    code: int,
    reason: str,
) -> None:
    hub.authentication = error
    client = await connect(None)
    await client.log_in("edge/camera", code=code, **fields)
    await client.expect_closed()
    assert [dropped for _, dropped in hub.drops] == [reason]
    assert not hub.links


async def test_a_real_token_is_what_the_head_hands_over(hub: ScriptedHub, connect: conftest.Connect) -> None:
    token = sas.sign("hub.net/devices/edge/modules/camera", b"k" * 32, expiry=int(time.time()) + 60)
    await connect("edge/camera", password=token.encode())
    assert sas.verify(hub.tokens[0], CAMERA, keys=[b"k" * 32], hosts=["hub.net"], now=time.time())


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (Pingreq(), "unexpected_packet"),
        (Publish("a", b"", 1, 1), "unexpected_packet"),
        (Disconnect(), "unexpected_packet"),
        (b"\x10\x80\x80\x08", "oversize"),  # 128 KiB: nothing so large is a CONNECT
        (b"GET / HTTP/1.1\r\n", "reserved_bits"),
        (encode(Connect("edge/camera")).replace(b"MQTT\x04", b"MQTT\x05"), "bad_protocol_level"),
    ],
)
async def test_the_first_packet_is_connect(
    hub: ScriptedHub, connect: conftest.Connect, first: bytes, reason: str
) -> None:
    client = await connect(None)
    client.send(first)
    await client.expect_closed()
    assert hub.drops == [(None, reason)]


class TestCertificates:
    def context(self, certificates: Certificates, folder: Path, authority: Certificates) -> ssl.SSLContext:
        """A client's, with a certificate of `authority`."""
        issued = issue_identity_certificate(
            authority, identity_uri="URI:azureiot://hub/devices/lamp", module="lamp"
        )
        (folder / "lamp.pem").write_text(issued.chain + issued.key)
        context = ssl.create_default_context(cadata=certificates.trust_bundle)
        context.load_cert_chain(folder / "lamp.pem")
        return context

    async def test_one_without_password_is_what_the_hub_is_shown(
        self, hub: ScriptedHub, server: MqttServer, certificates: Certificates, loopback: str, tmp_path: Path
    ) -> None:
        context = self.context(certificates, tmp_path, certificates)
        async with RawClient.open(loopback, context) as client:
            await client.log_in("lamp", password=None)
            pem = (tmp_path / "lamp.pem").read_text()
            assert hub.certificates == [
                x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)
            ]
        async with RawClient.open(loopback, context) as client:
            await client.log_in("lamp", password=b"token")  # a token says more
            assert (hub.tokens, len(hub.certificates)) == (["token"], 1)

    async def test_one_of_another_authority_ends_the_handshake(
        self, hub: ScriptedHub, server: MqttServer, certificates: Certificates, loopback: str, tmp_path: Path
    ) -> None:
        stranger = ensure_certificates(tmp_path / "stranger", gateway="gateway.local")
        context = self.context(certificates, tmp_path, stranger)
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # so that the client hears of it in the handshake
        with pytest.raises(OSError):
            async with RawClient.open(loopback, context):
                pass
        async with asyncio.timeout(PATIENCE_S):
            while not hub.drops:
                await asyncio.sleep(0.01)
        assert hub.drops == [(None, "tls_failed")]
        assert hub.certificates == []


async def test_the_model_that_a_client_names(hub: ScriptedHub, connect: conftest.Connect) -> None:
    await connect("edge/camera")
    assert hub.links[CAMERA].model_id is None
    username = "hub.net/edge/camera/?api-version=2020-09-30&model-id=dtmi%3Acom%3Aexample%3ALamp%3B1"
    await connect("edge/camera", username=username)
    assert hub.links[CAMERA].model_id == "dtmi:com:example:Lamp;1"


async def test_a_second_connect_closes(hub: ScriptedHub, connect: conftest.Connect) -> None:
    client = await connect()
    client.send(Connect("edge/camera"))
    await client.expect_closed()
    assert hub.drops == [("edge/camera", "unexpected_packet")]
    assert not hub.links


async def test_other_connections_outlive_a_malformed_packet(
    hub: ScriptedHub, connect: conftest.Connect
) -> None:
    good, bad = await connect("edge/good"), await connect("edge/bad")
    bad.send(b"\x36\x05\x00\x01a\x00\x01")
    await bad.expect_closed()
    await good.ping()
    assert hub.drops == [("edge/bad", "qos_3")]


class TestSessions:
    async def test_a_stored_session_is_restored(self, hub: ScriptedHub, connect: conftest.Connect) -> None:
        hub.sessions[CAMERA] = {INPUTS: 1}
        client = await connect(None)
        assert (await client.log_in("edge/camera")).session_present
        assert {feature.value for feature in hub.features[CAMERA]} == {"inputs"}

    async def test_without_a_stored_session_none_is_present(self, connect: conftest.Connect) -> None:
        client = await connect(None)
        assert not (await client.log_in("edge/camera")).session_present

    async def test_a_clean_session_deletes_the_stored_one(
        self, hub: ScriptedHub, connect: conftest.Connect
    ) -> None:
        hub.sessions[CAMERA] = {INPUTS: 1}
        client = await connect(None)
        assert not (await client.log_in("edge/camera", clean_session=True)).session_present
        assert not hub.features[CAMERA]
        assert await client.subscribe(INPUTS) == [1]
        assert hub.features[CAMERA]
        assert hub.sessions == {}  # neither the old one nor what was subscribed to just now

    async def test_a_session_outlives_its_connection(
        self, hub: ScriptedHub, connect: conftest.Connect
    ) -> None:
        first = await connect()
        await first.subscribe(INPUTS)
        first.send(Disconnect())
        await first.expect_closed()
        second = await connect(None)
        assert (await second.log_in("edge/camera")).session_present

    async def test_the_new_connection_wins(self, hub: ScriptedHub, connect: conftest.Connect) -> None:
        first = await connect()
        second = await connect()
        await first.expect_closed()
        await second.ping()
        assert hub.links.keys() == {CAMERA}


async def test_a_will_is_counted_and_the_client_gets_in(hub: ScriptedHub, connect: conftest.Connect) -> None:
    await connect(will=Will("a", b"bye"))
    assert hub.drops == [("edge/camera", "will")]


async def test_the_cap_on_clients(
    hub: ScriptedHub, connect: conftest.Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MAX_CLIENTS", 2)
    await connect("edge/a")
    b = await connect("edge/b")
    await (await connect(None)).log_in("edge/c", code=3)
    assert hub.drops == [("edge/c", "too_many_clients")]
    await connect("edge/b")  # known already
    await b.expect_closed()
    await (await connect(None)).log_in("edge/c", code=3)


class TestTime:
    @pytest.fixture
    def short(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connection, "MAX_SILENCE_S", 0.3)

    async def test_silence_beyond_one_and_a_half_keep_alives_closes(
        self, hub: ScriptedHub, connect: conftest.Connect
    ) -> None:
        client = await connect(keep_alive_s=2)
        started = time.monotonic()
        await asyncio.sleep(1.5)
        client.send(Pingreq())
        assert await client.receive() is not None
        await client.expect_closed()
        assert time.monotonic() - started > 4.4, "the ping counts"
        assert hub.drops == [("edge/camera", "keep_alive")]

    @pytest.mark.usefixtures("short")
    @pytest.mark.parametrize("keep_alive_s", [0, 1, 65_535])
    async def test_the_hub_has_an_upper_bound(
        self, hub: ScriptedHub, server: MqttServer, connect: conftest.Connect, keep_alive_s: int
    ) -> None:
        client = await connect(keep_alive_s=keep_alive_s)
        await client.expect_closed()
        assert hub.drops == [("edge/camera", "keep_alive")]

    async def test_an_expired_token_closes_after_the_leeway(
        self, hub: ScriptedHub, connect: conftest.Connect
    ) -> None:
        hub.expiry = time.time() - sas.LEEWAY_S + 3
        client = await connect()
        await client.ping()
        await client.expect_closed()
        assert hub.drops == [("edge/camera", "expired_token")]

    async def test_changed_keys_end_a_connection_that_was_made_with_the_old_ones(
        self, hub: ScriptedHub, connect: conftest.Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connection, "_RECHECK_S", 0.05)
        client = await connect()
        hub.authentication = NotReadyError("the hub does not know yet, which is no reason to end anything")
        for _ in range(3):
            await asyncio.sleep(0.1)
            await client.ping()
        hub.authentication = AuthenticationError("edge/camera", "bad_signature")
        await client.expect_closed()
        assert hub.drops == [("edge/camera", "not_authenticated")]

    @pytest.fixture
    async def impatient(
        self, hub: ScriptedHub, certificates: Certificates, loopback: str
    ) -> AsyncIterator[MqttServer]:
        impatient = MqttServer(hub, server_context(certificates), connect_timeout_s=3)
        await impatient.listen(loopback, 8883)
        yield impatient
        await impatient.close()

    @pytest.mark.usefixtures("impatient")
    async def test_a_socket_without_tls_is_closed_in_time(self, hub: ScriptedHub, loopback: str) -> None:
        reader, writer = await asyncio.open_connection(loopback, 8883)
        assert await reader.read() == b""
        writer.close()
        assert (None, "connect_timeout") in hub.drops

    @pytest.mark.usefixtures("impatient")
    async def test_bytes_that_trickle_in_do_not_help(
        self, hub: ScriptedHub, certificates: Certificates, loopback: str
    ) -> None:
        context = ssl.create_default_context(cadata=certificates.trust_bundle)
        async with RawClient.open(loopback, context) as client:
            for byte in encode(Connect("edge/camera"))[:8]:
                client.send(bytes((byte,)))
                await asyncio.sleep(0.6)
            await client.expect_closed()
        assert hub.drops == [(None, "connect_timeout")]


async def test_a_flood_of_half_open_connections_keeps_nobody_out(
    hub: ScriptedHub, connect: conftest.Connect, loopback: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MAX_HALF_OPEN", 5)
    silent = [await asyncio.open_connection(loopback, 8883) for _ in range(20)]
    client = await connect()
    await client.ping()
    closed = [await asyncio.wait_for(reader.read(), PATIENCE_S) for reader, _ in silent[:15]]
    assert closed == [b""] * 15
    assert hub.drops.count((None, "half_open_limit")) >= 15
    for _, writer in silent:
        writer.close()


async def test_a_taken_port_is_an_os_error(
    hub: ScriptedHub, server: MqttServer, certificates: Certificates, loopback: str
) -> None:
    with pytest.raises(OSError, match="address already in use"):
        await MqttServer(hub, server_context(certificates)).listen(loopback, 8883)


async def test_closing_the_server_ends_connections_and_frees_the_port(
    hub: ScriptedHub, certificates: Certificates, server: MqttServer, connect: conftest.Connect, loopback: str
) -> None:
    client = await connect()
    _, half_open = await asyncio.open_connection(loopback, 8883)
    await server.close()
    await client.expect_closed()
    assert not hub.links
    again = MqttServer(hub, server_context(certificates))
    await again.listen(loopback, 8883)
    await again.close()
    half_open.close()


async def test_plain_text_on_the_tls_port_is_counted(
    hub: ScriptedHub, server: MqttServer, loopback: str
) -> None:
    reader, writer = await asyncio.open_connection(loopback, 8883)
    writer.write(encode(Connect("edge/camera")))
    await reader.read()
    writer.close()
    async with asyncio.timeout(PATIENCE_S):
        while not hub.drops:
            await asyncio.sleep(0.01)
    assert hub.drops == [(None, "tls_failed")]


async def test_a_puback_that_nobody_waits_for_is_ignored(connect: conftest.Connect) -> None:
    client = await connect()
    client.send(Puback(99))
    await client.ping()


async def test_a_connack_from_a_client_closes(hub: ScriptedHub, connect: conftest.Connect) -> None:
    client = await connect()
    client.send(Connack(session_present=False, code=0))
    await client.expect_closed()
    assert hub.drops == [("edge/camera", "unexpected_packet")]
