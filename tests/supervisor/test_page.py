"""`run --page`: the page beside a real run, with the real SDK in a module."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.page.server import PageServer
from edge_runtime.state_folder import StateFolder
from edge_runtime.supervisor.announce import Announcer
from edge_runtime.supervisor.options import RunOptions, parse
from edge_runtime.supervisor.page_listener import PageListener
from tests.patience import PATIENCE_S, wait_for
from tests.supervisor.conftest import ROOT, Run, Solution, leftovers

Start = Callable[..., Run]

# Reports what it is told, and says all that it knows.
TALKS = """
import os, signal, time
from azure.iot.device import IoTHubModuleClient, Message

print(dict(os.environ), flush=True)
client = IoTHubModuleClient.create_from_edge_environment()
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))

def report(patch):
    print("told", patch, flush=True)
    client.patch_twin_reported_properties({k: v for k, v in patch.items() if not k.startswith("$")})

client.on_twin_desired_properties_patch_received = report
report(client.get_twin()["desired"])
client.send_message_to_output(Message("{}", content_type="application/json", content_encoding="utf-8"), "out")
print("connecting as", os.environ["CAMERA_URL"], flush=True)
time.sleep(1000)
"""


class Browser:
    """What a browser does with the address that `run` prints."""

    def __init__(self, url: str) -> None:
        self.base, _, self.token = url.partition("/#token=")

    def open(self, verb: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.base}{path}",
            method=verb,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        return urllib.request.urlopen(request, timeout=PATIENCE_S)

    def text(self, verb: str, path: str, body: Any = None) -> str:
        with self.open(verb, f"/api/v1{path}", body) as answer:
            content: bytes = answer.read()
        return content.decode()

    def ask(self, verb: str, path: str, body: Any = None) -> Any:
        return json.loads(self.text(verb, path, body))

    @contextmanager
    def stream(self) -> Iterator[Iterator[tuple[str, str]]]:
        """Types and texts of events."""
        with self.open("GET", "/api/v1/stream") as answer:
            yield _events(answer)


def _events(answer: Any) -> Iterator[tuple[str, str]]:
    kind = ""
    for raw in answer:
        name, _, value = raw.decode().rstrip("\n").partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, value


def endpoints(state: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((state / "endpoints.json").read_text())
    return document


def browser(run: Run) -> Browser:
    """The printed address; the same that endpoints.json holds."""
    line = next((seen for seen in run.seen if seen["type"] == "page"), None)
    line = line or run.until(lambda seen: seen["type"] == "page")
    assert endpoints(run.state)["page"] == line["url"]
    assert line["url"] in line["message"]
    return Browser(line["url"])


def test_no_answer_holds_a_secret(solution: Solution, run: Start, state: Path) -> None:
    solution.add("talker", TALKS, env={"API_KEY": {"value": "$KEY"}, "CAMERA_URL": {"value": "$URL"}})
    solution.twins["talker"] = {"password": "$PASSWORD", "source": "$URL", "camera": {"token": "$TOKEN"}}
    secrets = {"KEY": "one-4711", "PASSWORD": "two-4711", "TOKEN": "three-4711"}
    running = run("--page", hub=None, **secrets, URL="rtsp://admin:four-4711@127.0.0.1/1")
    page = browser(running)
    wait_for(lambda: "connecting as" in running.log("talker"))
    wait_for(lambda: page.ask("GET", "/arrived")["events"], "an event upstream")
    with page.stream() as events:
        told = []
        assert page.ask("PATCH", "/modules/talker/twin/desired", {"password": "five-4711", "fps": 5})
        for kind, text in events:
            told.append(text)
            if kind == "reported" and '"fps":5' in text:
                break
    answers = [
        *told,
        page.text("GET", "/snapshot"),
        page.text("GET", "/arrived"),
        *(page.text("GET", f"/modules/{m}/twin") for m in ("talker", "edgeHub", "edgeAgent")),
        *(page.text("GET", f"/modules/{m}/logs?tail=10000") for m in ("talker", "edgeHub", "edgeAgent")),
    ]
    logs = page.ask("GET", "/modules/talker/logs")["lines"]
    assert any("connecting as rtsp://***@127.0.0.1/1" in line for line in logs)
    twin = page.ask("GET", "/modules/talker/twin")
    assert twin["reported"]["password"] == twin["desired"]["camera"]["token"] == "***"
    known = endpoints(state)
    own = [
        known["observer"]["token"],
        known["iothub"]["connectionString"].partition("SharedAccessKey=")[2],
        page.token,
    ]
    for secret in (*secrets.values(), "four-4711", "five-4711", *own):
        assert secret in running.log("talker") or secret in own
        assert [answer for answer in answers if secret in answer] == []
    assert running.stop() == 0


def test_a_hub_that_is_killed_is_down_and_up_again_and_modules_are_restarted(
    solution: Solution, run: Start, state: Path
) -> None:
    solution.add("talker", TALKS, env={"CAMERA_URL": {"value": "none"}})
    running = run("--page", hub=None)
    page = browser(running)
    wait_for(
        lambda: page.ask("GET", "/snapshot")["modules"]["talker"]["connected"], "a module that is connected"
    )
    with page.stream() as events:
        snapshots = (json.loads(text) for kind, text in events if kind == "snapshot")
        before = next(
            one for one in snapshots if one["hub"] == "up" and one["modules"]["talker"]["memoryBytes"]
        )
        os.kill(running.registered()["hub"]["pid"], 9)
        down = next(one for one in snapshots if one["hub"] == "down")
        assert not down["modules"]["talker"]["connected"]
        up = next(one for one in snapshots if one["hub"] == "up")
        assert up["instance"] != before["instance"]
        next(one for one in snapshots if one["modules"]["talker"]["connected"])

        assert page.ask("POST", "/modules/talker/restart", {}) == {}
        pid = before["modules"]["talker"]["description"]
        again = next(one for one in snapshots if one["modules"]["talker"]["description"] not in {pid, None})
        assert again["modules"]["talker"]["desiredStatus"] == "running"
        next(one for one in snapshots if one["modules"]["talker"]["status"] == "running")
    for verb, path, status in (("POST", "restart", 502), ("GET", "logs", 404)):
        with pytest.raises(urllib.error.HTTPError) as refused:
            page.ask(verb, f"/modules/nobody/{path}", {} if verb == "POST" else None)
        with refused.value as answer:
            assert (answer.status, "nobody" in json.loads(answer.read())["message"]) == (status, True)
    with page.stream() as events:
        assert next(events)[0] == "hello"
        assert running.stop() == 0
    assert leftovers(state) == []


def test_a_port_that_is_taken_is_told_and_the_page_is_on_another(
    solution: Solution, run: Start, state: Path, loopback: str
) -> None:
    solution.add("sleeper")
    with socket.create_server((loopback, 0)) as taken:
        port = taken.getsockname()[1]
        running = run("--page", str(port))
        page = browser(running)
        (warning,) = [line for line in endpoints(state)["warnings"] if "--page" in line]
        assert warning.startswith(f"--page {port}: {loopback}:{port} cannot be used (Address already in use)")
        assert page.base != f"http://{loopback}:{port}"
        with page.open("GET", "/") as answer:
            assert answer.status == 200
    assert running.stop() == 0


def test_the_page_is_on_the_port_that_was_asked_for(
    solution: Solution, run: Start, state: Path, loopback: str
) -> None:
    solution.add("sleeper")
    with socket.create_server((loopback, 0)) as free:
        port = free.getsockname()[1]
    running = run("--page", str(port))
    assert browser(running).base == f"http://{loopback}:{port}"
    assert running.stop() == 0


def test_without_a_page_nothing_of_it_is_loaded(solution: Solution, run: Start, state: Path) -> None:
    solution.add("sleeper")
    running = run()
    running.until_up("sleeper")
    assert endpoints(state)["page"] is None
    assert running.stop() == 0
    assert not [line for line in running.seen if line["type"] == "page"]
    code = "import sys, edge_runtime.supervisor.run_command; print([m for m in sys.modules if 'page' in m])"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert loaded.stdout == "['edge_runtime.supervisor.page_listener']\n"


def test_a_browser_is_opened_and_its_arguments_hold_no_token(
    solution: Solution, run: Start, state: Path, tmp_path: Path
) -> None:
    solution.add("sleeper")
    program, opened = tmp_path / "browser", tmp_path / "opened"
    program.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}.tmp && mv {opened}.tmp {opened}\n')
    program.chmod(0o700)
    running = run("--open", BROWSER=str(program))
    page = browser(running)
    wait_for(opened.exists, "a browser")
    link = state / "page.html"
    assert opened.read_text() == link.as_uri()
    assert f"{page.base}/#token={page.token}" in link.read_text()
    assert stat.S_IMODE(link.stat().st_mode) == 0o600
    assert running.stop() == 0
    assert not link.exists()


def test_where_no_browser_can_be_started_the_run_goes_on(solution: Solution, run: Start) -> None:
    solution.add("sleeper")
    running = run("--open", BROWSER="", DISPLAY="", WAYLAND_DISPLAY="")
    running.until_up("sleeper")
    browser(running)
    running.process.send_signal(2)
    code, errors = running.end()
    assert (code, "--open: no browser can be started here; open the address that is printed" in errors) == (
        0,
        True,
    )


@pytest.mark.parametrize("port", ["80x", "-1", "65536", "manifest.json"])
def test_what_is_no_port_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        parse(["manifest.json", f"--page={port}"])
    assert refused.value.code == 2
    assert f"'{port}' is not a port, 0 to 65535; a manifest goes before --page" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "port", "opened"),
    [([], None, False), (["--page"], 0, False), (["--page", "81"], 81, False), (["--open"], 0, True)],
)
def test_a_page_is_asked_for(arguments: list[str], port: int | None, opened: bool) -> None:
    options = parse(["manifest.json", *arguments])
    assert (options.page_port, options.open_page) == (port, opened)


def listener(state: Path, **options: Any) -> PageListener:
    given = RunOptions(manifest=state, device="edge", state=state, page_port=0, **options)
    return PageListener(given, StateFolder(state), Announcer(as_json=True))


async def test_where_nothing_can_listen_there_is_no_page_and_a_warning(tmp_path: Path) -> None:
    page = listener(tmp_path, address="203.0.113.1")  # documentation's, nobody's
    await page.start()
    page.follow({})
    await page.stop()
    assert page.url is None
    assert page.warnings == (
        "there is no page: 203.0.113.1 cannot be listened on (Cannot assign requested address)",
    )


async def test_containers_are_not_led_to_the_page(tmp_path: Path) -> None:
    """Their way to the device is the address of its network."""
    page = listener(tmp_path, address="172.18.0.1", engine="docker")
    await page.start()
    assert str(page.url).startswith("http://127.0.0.1:")
    await page.stop()


async def test_a_page_that_fails_harms_neither_the_start_nor_the_end_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(*_: object) -> None:
        raise RuntimeError("unexpected")

    page = listener(tmp_path, address="127.0.0.1")
    monkeypatch.setattr(PageServer, "start", fails)
    await page.start()
    assert (page.url, len(page.warnings)) == (None, 1)
    with monkeypatch.context() as patched:
        patched.setattr(PageServer, "stop", fails)
        await page.stop()
    assert [one.getMessage() for one in caplog.records] == [
        "the live page could not be started",
        "the live page could not be stopped",
    ]
    await page.stop()


def test_the_end_of_a_run_does_not_wait_for_a_browser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`webbrowser` waits for a program that it does not know."""
    closed, ended, begun = threading.Event(), threading.Event(), threading.Event()
    daemons: list[bool] = []

    def waits(_uri: str) -> bool:
        daemons.append(threading.current_thread().daemon)
        begun.set()
        closed.wait(PATIENCE_S)
        ended.set()
        return True

    monkeypatch.setattr(webbrowser, "open", waits)
    monkeypatch.setenv("BROWSER", "any")

    async def run() -> None:
        listener(tmp_path, address="127.0.0.1", open_page=True)._open("http://127.0.0.1:1/#token=t")
        await asyncio.to_thread(begun.wait, PATIENCE_S)

    asyncio.run(run())
    still_open = not ended.is_set()
    closed.set()
    assert ended.wait(PATIENCE_S)
    assert still_open
    assert daemons == [True], "nor does the interpreter wait for it"
