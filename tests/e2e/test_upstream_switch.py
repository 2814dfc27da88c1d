"""The way upstream taken away from a running device, which keeps what it gets, and given back."""

from __future__ import annotations

import base64
import json
import os
import signal
from pathlib import Path
from typing import Any

from tests.e2e.conftest import StartDevice
from tests.e2e.device import Device
from tests.e2e.test_leaf_device import ROUTES, add, leaf
from tests.edge.manifest import deployment
from tests.patience import wait_for


def switch(running: Device, connected: bool) -> None:
    answer = running.control._call("PUT", "/upstream", {"connected": connected})
    assert answer == {"connected": connected}


def arrived(running: Device) -> list[str]:
    lines = running.command("events", "--json").stdout.splitlines()
    return [base64.b64decode(json.loads(line)["bodyBase64"]).decode() for line in lines]


def backlog(running: Device) -> int:
    endpoints = {one["endpoint"]: one for one in running.snapshot()["endpoints"]}
    count: int = endpoints["iothub"]["queued"] + endpoints["iothub"]["unacknowledged"]
    return count


def told(running: Device) -> dict[str, Any]:
    shown = running.snapshot()
    return {name: shown[name] for name in ("upstreamConnected", "upstreamSwitchedOff")}


def test_what_a_device_sends_meanwhile_is_kept_and_arrives(device: StartDevice, short: Path) -> None:
    running = device(deployment({}, ROUTES)).up()
    variables = add(running, "lamp")
    with leaf(variables, short / "lamp.log") as lamp:

        def send(body: str) -> None:
            lamp.tell(send={"body": body})
            lamp.until("sent", body)

        send("before")
        wait_for(lambda: arrived(running) == ["before"], "the first message upstream")
        switch(running, False)
        for body in ("1", "2", "3"):
            send(body)
        assert running.command("c2d", "lamp", "to you").returncode == 0
        wait_for(lambda: backlog(running) == 3, "three messages wait")
        assert told(running) == {"upstreamConnected": False, "upstreamSwitchedOff": True}
        # A person can still reach it from where the page is.
        lamp.tell(report={"on": True})
        lamp.until("reported")
        assert running.control.twin(None, "lamp")["reported"]["on"] is True
        assert arrived(running) == ["before"]
        switch(running, True)
        wait_for(lambda: arrived(running) == ["before", "1", "2", "3"], "the messages upstream")
        assert lamp.until("message")["message"] == "to you"
        wait_for(
            lambda: told(running) == {"upstreamConnected": True, "upstreamSwitchedOff": False}, "upstream"
        )
        switch(running, False)
        send("4")
        os.kill(running.hub()["pid"], signal.SIGKILL)
        # A hub that starts is connected, and has what it acknowledged.
        wait_for(lambda: arrived(running)[-1] == "4", "the last message upstream")
