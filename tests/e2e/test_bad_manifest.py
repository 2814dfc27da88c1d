"""Deployments that cannot run: refused with the file, the line and the mend; what ran before goes on."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.supervisor.control_client import ControlError
from tests.e2e.conftest import StartDevice
from tests.e2e.device import TEMPLATE
from tests.e2e.mqtt_client import connect, publish
from tests.edge.manifest import deployment
from tests.patience import PATIENCE_S

Spoil = Callable[[dict[str, Any]], None]
GOOD = "FROM /messages/modules/alpha/* INTO $upstream"
BAD = "FROM /messages/* WHER x INTO $upstream"


def routes_of(template: dict[str, Any]) -> dict[str, Any]:
    routes: dict[str, Any] = template["modulesContent"]["$edgeHub"]["properties.desired"]["routes"]
    return routes


def break_route(template: dict[str, Any]) -> None:
    routes_of(template)["frames"]["route"] = BAD


def unknown_module(template: dict[str, Any]) -> None:
    routes_of(template)["frames"]["route"] = (
        'FROM /messages/modules/camera/outputs/frames INTO BrokeredEndpoint("/modules/clasifier/inputs/frames")'
    )


def missing_variable(template: dict[str, Any]) -> None:
    modules = template["modulesContent"]["$edgeAgent"]["properties.desired"]["modules"]
    modules["camera"]["env"]["SOURCE"]["value"] = "${NOWHERE_TO_BE_FOUND}"


@pytest.mark.parametrize(
    ("spoil", "at", "says"),
    [
        (break_route, '"WHER', ["WHER"]),
        (unknown_module, "clasifier", ["clasifier", "classifier"]),
        (missing_variable, "NOWHERE_TO_BE_FOUND", ["NOWHERE_TO_BE_FOUND"]),
    ],
    ids=["broken route", "unknown module in a route", "missing variable"],
)
def test_refused_at_the_start_with_file_and_line(
    device: StartDevice, short: Path, spoil: Spoil, at: str, says: list[str]
) -> None:
    template = json.loads(TEMPLATE.read_text())
    spoil(template)
    # Beside the solution's modules, which it names.
    solution = short / "solution"
    solution.mkdir()
    for name in ("modules", "libs", ".env.template"):
        (solution / name).symlink_to(TEMPLATE.parent / name)
    path = solution / "deployment.template.json"
    path.write_text(json.dumps(template, indent=2))
    line = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if at.strip('"') in text)
    refused = device(path)
    assert refused.process.wait(PATIENCE_S) == 2
    said = refused.said()
    assert f"{path}:{line}:" in said
    assert all(word in said for word in says), said
    assert "Traceback" not in said
    assert not refused.state.exists()


async def test_a_broken_route_changes_nothing_on_a_running_hub(device: StartDevice) -> None:
    running = device(deployment({"alpha": {}}, {"good": GOOD}), "--without", "alpha").up()
    for broken in (BAD, 'FROM /messages/modules/alpha/* INTO BrokeredEndpoint("/modules/x/y")'):
        with pytest.raises(ControlError) as refused:
            running.control.configure(deployment({"alpha": {}}, {"good": broken})["modulesContent"])
        assert refused.value.status == 400
        assert "good" in str(refused.value)
        patch = {"routes": {"good": broken}}
        done = running.command("twin", "$edgeHub", "--patch", json.dumps(patch))
        assert done.returncode == 1
        assert "good" in done.stderr
    assert running.twin("$edgeHub", "desired")["routes"] == {"good": GOOD}
    with running.feed("stored") as feed:
        async with connect(running, "alpha") as client:
            await publish(client, "alpha", "out", b"still routed")
        assert feed.stored("out")["routes"] == ["good"]


def test_port_8883_taken(device: StartDevice, loopback: str) -> None:
    with socket.create_server((loopback, 8883)):
        refused = device(deployment({"alpha": {}}, {"good": GOOD}), "--without", "alpha")
        assert refused.process.wait(PATIENCE_S) == 3
    said = refused.said()
    assert f"{loopback}:8883 is taken" in said
    assert "--address" in said
    assert "Traceback" not in said
