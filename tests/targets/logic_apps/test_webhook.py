"""Events as signed webhooks over real HTTP: order, retries, what is given up, and what a receiver verifies."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from module_kit.event import Event
from targets.logic_apps import sink as sinks
from targets.logic_apps.signature import SecretError, headers, key_of
from targets.logic_apps.sink import WebhookSink
from tests.patience import PATIENCE_S
from tests.targets.environments import ROOT, environment, needs, python_of
from tests.targets.test_alerts import END, event

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
KEY = key_of(SECRET)


@dataclass
class Receiver:
    """Answers each request with the next of `statuses`, then with 200."""

    statuses: list[int] = field(default_factory=list)
    retry_after: str = ""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    async def take(self, request: web.Request) -> web.Response:
        self.got.append((dict(request.headers), await request.read()))
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 0:
            assert request.transport is not None
            request.transport.abort()
        answer_headers = {"Retry-After": self.retry_after} if self.retry_after else {}
        if status in {301, 302}:
            answer_headers["Location"] = "/elsewhere"
        return web.Response(status=status or 200, headers=answer_headers)

    def ids(self) -> list[str]:
        return [got["webhook-id"] for got, _ in self.got]


@asynccontextmanager
async def receiving(*statuses: int, retry_after: str = "") -> AsyncIterator[Receiver]:
    receiver = Receiver(list(statuses), retry_after)
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    app.router.add_route("*", "/elsewhere", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        receiver.url = f"http://{host}:{port}/hook"
        yield receiver
    finally:
        await runner.cleanup()


def made(number: int = 0, **changes: Any) -> Event:
    return Event.model_validate(event(eventId=f"camera.b1.{number}.e.cat", **changes))


class Pauses(list[float]):
    """Those between tries, which take no time here."""

    async def sleep(self, pause_s: float) -> None:
        self.append(pause_s)


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


async def send(
    receiver: Receiver, *events: Event, pauses: Pauses | None = None, **options: float
) -> WebhookSink:
    async with aiohttp.ClientSession() as session, asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        sink = WebhookSink(
            receiver.url, KEY, session, sleep=pauses.sleep if pauses is not None else asyncio.sleep, **options
        )
        tasks.create_task(sink.run())
        for one in events:
            await sink.put(one)
        await sink.close()
    return sink


async def test_events_come_whole_and_in_order() -> None:
    async with receiving() as receiver:
        sink = await send(receiver, *(made(number) for number in range(300)))
    assert sink.delivered == 300
    assert receiver.ids() == [f"camera.b1.{number}.e.cat.start" for number in range(300)]
    got, body = receiver.got[7]
    assert Event.model_validate_json(body) == made(7)
    assert got["Content-Type"] == "application/json"


async def test_what_fails_is_sent_again_before_the_next_with_longer_pauses(pauses: Pauses) -> None:
    async with receiving(503, 0, 429, 408, 500) as receiver:
        sink = await send(receiver, made(1), made(2), pauses=pauses)
    assert (sink.delivered, sink.dropped) == (2, {})
    first, second = "camera.b1.1.e.cat.start", "camera.b1.2.e.cat.start"
    assert receiver.ids() == [first] * 6 + [second]
    assert all(low <= pause <= 2 * low for pause, low in zip(pauses, (0.25, 0.5, 1, 2, 4), strict=True))


async def test_a_receiver_s_retry_after_is_heeded_up_to_the_longest_pause(pauses: Pauses) -> None:
    async with receiving(429, retry_after="7") as receiver:
        await send(receiver, made(), pauses=pauses)
    async with receiving(429, retry_after="86400") as receiver:
        await send(receiver, made(), longest_pause_s=9, pauses=pauses)
    assert pauses == [7.0, 9.0]


@pytest.mark.parametrize("status", [301, 302, 400, 401, 404, 410, 413])
async def test_what_will_never_be_taken_is_given_up_and_the_next_goes_on(status: int, pauses: Pauses) -> None:
    async with receiving(status) as receiver:
        sink = await send(receiver, made(1), made(2), pauses=pauses)
    assert (sink.delivered, sink.dropped, pauses) == (1, {"refused": 1}, [])
    assert receiver.ids() == ["camera.b1.1.e.cat.start", "camera.b1.2.e.cat.start"]


async def test_an_id_that_no_header_holds_is_given_up_and_the_next_goes_on(
    pauses: Pauses, caplog: pytest.LogCaptureFixture
) -> None:
    bad = Event.model_validate(event(eventId="a\r\nb"))
    async with receiving() as receiver:
        sink = await send(receiver, bad, made(2), pauses=pauses)
    assert (sink.delivered, sink.dropped, pauses) == (1, {"refused": 1}, [])
    assert r"a\r\nb.start: no request can be made of it (ValueError), given up (refused)" in caplog.text


async def test_what_is_too_old_is_given_up(pauses: Pauses) -> None:
    async with receiving(*[503] * 100) as receiver:
        sink = await send(receiver, made(), give_up_s=3, pauses=pauses)
    assert (sink.delivered, sink.dropped) == (0, {"expired": 1})
    assert pauses[-1] <= 3


async def test_the_queue_is_bounded_and_makes_its_feeder_wait() -> None:
    async with aiohttp.ClientSession() as session:
        sink = WebhookSink("http://127.0.0.1:1/hook", KEY, session)
        for number in range(sinks.CAPACITY):
            await sink.put(made(number))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await sink.put(made(999))


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_AAAA", "password", "whsec_" + "A" * 200, "whsec_\u00e9"]
)
def test_a_secret_that_is_none_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(SecretError) as caught:
        key_of(secret)
    assert not secret.removeprefix("whsec_") or secret not in str(caught.value)


VERIFY = """
import json, sys
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
given = json.load(sys.stdin)
found = []
for body, headers in given["requests"]:
    try:
        Webhook(given["secret"]).verify(body.encode(), headers)
        found.append(True)
    except WebhookVerificationError:
        found.append(False)
print(json.dumps(found))
"""


@needs("webhooks")
async def test_the_field_s_own_library_verifies_what_comes_and_nothing_else() -> None:
    async with receiving() as receiver:
        await send(receiver, made(1), made(2, **END))
    good = [
        (body.decode(), {name.lower(): value for name, value in got.items()}) for got, body in receiver.got
    ]
    (body, sent), _ = good
    old = headers(KEY, "x", int(sent["webhook-timestamp"]) - 3600, body.encode())
    other = headers(bytes(32), "x", int(sent["webhook-timestamp"]), body.encode())
    bad = [(body + " ", sent), (body, {**sent, "webhook-id": "x"}), (body, old), (body, other)]
    found = await asyncio.to_thread(verified, good + bad)
    assert found == [True, True, False, False, False, False]


def verified(requests: list[tuple[str, dict[str, str]]]) -> list[bool]:
    """What the library says of each body with its headers."""
    done = subprocess.run(
        [python_of("webhooks"), "-c", VERIFY],
        input=json.dumps({"secret": SECRET, "requests": requests}),
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    found: list[bool] = json.loads(done.stdout)
    return found


def command(*arguments: str, **settings: str) -> tuple[list[str], dict[str, str]]:
    path = os.pathsep.join((str(ROOT), str(ROOT / "libs")))
    return [sys.executable, "-P", "-m", "targets.logic_apps", *arguments], environment(
        PYTHONPATH=path, **settings
    )


def as_arrived(**changes: Any) -> str:
    """A line of `scripts/edge events --json`."""
    return numbered(1, **changes)


def numbered(number: int, **changes: Any) -> str:
    at = f"2026-11-22T10:00:{number:02}.000Z"
    return json.dumps({
        "id": number, "enqueuedTime": at, "moduleId": "results_filter", "body": event(**changes)
    })  # fmt: skip


@pytest.mark.parametrize("feed", ["pipe", "file"])
async def test_the_command_forwards_what_arrives_and_counts_the_rest(tmp_path: Path, feed: str) -> None:
    lines = [
        as_arrived(),
        json.dumps(event(eventId="camera.b1.9.e.cat")),
        json.dumps({"body": {"schema": "summary/1"}}),
        json.dumps({"bodyBase64": "AAAA"}),
        as_arrived(frames=0),
        as_arrived(eventId="a\nb"),
        as_arrived(eventId="\u00e9"),
        # Longer than a megabyte; what follows the first one in it is no line of its own.
        " " * (1 << 20) + as_arrived(eventId="camera.b1.10.e.cat"),
        "x" * (3 << 20) + "\t" + as_arrived(eventId="camera.b1.11.e.cat"),
        json.dumps(event(eventId="camera.b1.12.e.cat")).ljust(1 << 20),
        "no json",
    ]
    (tmp_path / "lines").write_text("\n".join(lines))
    async with receiving() as receiver:
        words, env = command("--json", WEBHOOK_URL=receiver.url, WEBHOOK_SECRET=SECRET)
        with (tmp_path / "lines").open("rb") as file:
            process = await asyncio.create_subprocess_exec(
                *words,
                env=env,
                stdin=file if feed == "file" else asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            given = None if feed == "file" else file.read()
            out, errors = await asyncio.wait_for(process.communicate(given), PATIENCE_S)
    assert process.returncode == 3, errors
    assert json.loads(out) == {"delivered": 3, "dropped": {}, "leftOut": {"other_schema": 2, "bad": 6}}
    assert receiver.ids() == [f"camera.b1.{number}.e.cat.start" for number in (7, 9, 12)]
    reasons = [line.partition("not an event: ")[2] for line in errors.decode().splitlines()]
    assert [reason[:10] for reason in reasons] == [
        "frames: In",
        "eventId: e",
        "eventId: e",
        "a line of ",
        "a line of ",
        "no JSON: E",
    ]


async def fed(receiver: Receiver, text: str, *arguments: str) -> tuple[int | None, dict[str, Any], str]:
    """Exit code, the JSON at the end and the errors of one run over these lines."""
    words, env = command("--json", *arguments, WEBHOOK_URL=receiver.url, WEBHOOK_SECRET=SECRET)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*words, env=env, stdin=pipe, stdout=pipe, stderr=pipe)
    out, errors = await asyncio.wait_for(process.communicate(text.encode()), PATIENCE_S)
    return process.returncode, json.loads(out or "{}"), errors.decode()


async def test_a_restart_goes_on_behind_what_is_delivered_or_given_up(tmp_path: Path) -> None:
    lines = [numbered(number, eventId=f"camera.b1.{number}.e.cat") for number in range(1, 5)]
    position = ("--position", str(tmp_path / "position"))
    async with receiving(200, 400) as receiver:
        code, _, _ = await fed(receiver, "\n".join(lines[:3]), *position)
        assert (code, len(receiver.got)) == (3, 3)
        code, done, _ = await fed(receiver, "\n".join(lines), *position)
    assert (code, done) == (0, {"delivered": 1, "dropped": {}, "leftOut": {"before": 3}})
    assert receiver.ids()[3:] == ["camera.b1.4.e.cat.start"]


async def test_what_was_under_way_when_it_was_killed_is_sent_again_and_nothing_before_it(
    tmp_path: Path,
) -> None:
    text = "\n".join(numbered(number, eventId=f"camera.b1.{number}.e.cat") for number in (1, 2, 3))
    position = ("--position", str(tmp_path / "position"))
    async with receiving(200, *[503] * 100) as receiver:
        words, env = command(*position, WEBHOOK_URL=receiver.url, WEBHOOK_SECRET=SECRET)
        process = await asyncio.create_subprocess_exec(
            *words, env=env, stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        assert process.stdin is not None
        process.stdin.write(text.encode() + b"\n")
        async with asyncio.timeout(PATIENCE_S):
            while len(receiver.got) < 2:
                await asyncio.sleep(0.02)
            process.kill()
            await process.communicate()
        receiver.statuses.clear()
        receiver.got.clear()
        code, done, _ = await fed(receiver, text, *position)
    assert (code, done["delivered"], done["leftOut"]) == (0, 2, {"before": 1})
    assert receiver.ids() == ["camera.b1.2.e.cat.start", "camera.b1.3.e.cat.start"]


async def test_a_position_that_cannot_be_kept_ends_the_command_with_the_reason(tmp_path: Path) -> None:
    async with receiving() as receiver:
        code, _, errors = await fed(receiver, numbered(1), "--position", str(tmp_path / "gone" / "position"))
        assert (code, errors) == (
            1,
            f"{tmp_path}/gone/position: cannot be written: No such file or directory\n",
        )
        (tmp_path / "other").write_text("[]")
        code, _, errors = await fed(receiver, numbered(1), "--position", str(tmp_path / "other"))
    assert code == 1
    assert (
        errors == f"{tmp_path}/other: holds no position; name another file, or remove it to send all again\n"
    )
    assert len(receiver.got) == 1


async def test_ctrl_c_ends_it_while_it_waits() -> None:
    async with receiving() as receiver:
        words, env = command(WEBHOOK_URL=receiver.url, WEBHOOK_SECRET=SECRET)
        process = await asyncio.create_subprocess_exec(
            *words, env=env, stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        assert process.stdin is not None
        process.stdin.write(as_arrived().encode() + b"\n")
        async with asyncio.timeout(PATIENCE_S):
            while not receiver.got:
                await asyncio.sleep(0.02)
            process.send_signal(signal.SIGINT)
            _, errors = await process.communicate()
    assert (process.returncode, errors) == (130, b"")


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"WEBHOOK_SECRET": SECRET}, "WEBHOOK_URL: expected https://HOST/..."),
        ({"WEBHOOK_URL": "ftp://x/", "WEBHOOK_SECRET": SECRET}, "WEBHOOK_URL"),
        (
            {"WEBHOOK_URL": "https://x/"},
            "WEBHOOK_SECRET: expected whsec_ and base64 of 24 to 64 random bytes",
        ),
    ],
)
def test_missing_settings_are_told(settings: dict[str, str], problem: str) -> None:
    words, env = command(**settings)
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert done.returncode == 1
    assert problem in done.stderr


def test_a_url_s_own_key_is_in_no_log(caplog: pytest.LogCaptureFixture, pauses: Pauses) -> None:
    receiver = Receiver(url="http://127.0.0.1:1/hook?sig=TOPSECRET")
    sink = asyncio.run(send(receiver, made(), give_up_s=2, pauses=pauses))
    assert sink.dropped == {"expired": 1}
    assert "camera.b1.0.e.cat.start: ClientConnectorError, given up" in caplog.text
    assert "TOPSECRET" not in caplog.text
