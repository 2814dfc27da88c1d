"""Whole processes: exit codes, signals, heartbeat, watchdog. No hub is there; that is part of the case."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
EDGE = {
    "IOTEDGE_IOTHUBHOSTNAME": "h", "IOTEDGE_DEVICEID": "d", "IOTEDGE_MODULEID": "m",
    "IOTEDGE_GATEWAYHOSTNAME": "localhost", "IOTEDGE_MODULEGENERATIONID": "1",
    "IOTEDGE_WORKLOADURI": "unix:///nowhere.sock", "IOTEDGE_APIVERSION": "2020-07-07",
}  # fmt: skip
HEAD = """
import asyncio, sys
from pydantic import Field
from module_kit.module import Module, run_module
from module_kit.settings import ModuleSettings

class Settings(ModuleSettings):
    fps: float = Field(default=1, ge=0, le=1000, description="Frames per second")

"""


def _start(code: str, heartbeat: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "libs"), "METRICS_PORT": "0",
             "HEARTBEAT_FILE": str(heartbeat), **environment}  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-c", HEAD + code, *arguments],
        env=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def _until(condition: object, seconds: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("main", "environment", "arguments", "code", "output"),
    [
        ("return", EDGE, [], 0, ""),
        ("raise OSError('rtsp://u:secret@cam is broken')", EDGE, [], 1, "unhandled OSError: rtsp://***@cam"),
        ("module.spawn(asyncio.to_thread(int, 'x'), 'side'); await asyncio.sleep(60)", EDGE, [], 1,
         "unhandled ValueError: invalid literal"),
        ("return", {**EDGE, "FPS": "3000"}, [], 2, 'FPS = "3000": input should be less than or equal to 1000'),
        ("return", {**EDGE, "METRICS_PORT": "x"}, [], 2, 'METRICS_PORT = "x"'),
        ("return", {}, [], 2, "the environment lacks IOTEDGE_IOTHUBHOSTNAME, IOTEDGE_DEVICEID"),
        ("raise OSError", {"FPS": "5"}, ["--self-test"], 0, "test: 5.0 frames per second"),
        ("raise OSError", {"FPS": "0"}, ["--self-test"], 1, "test: self-test failed: float division by zero"),
    ],
)  # fmt: skip
def test_exit_code(
    tmp_path: Path, main: str, environment: dict[str, str], arguments: list[str], code: int, output: str
) -> None:
    process = _start(
        f"async def main(module):\n    {main}\n"
        "run_module('test', Settings, main, self_test=lambda s: f'{1 / (1 / s.fps)} frames per second')",
        tmp_path / "heartbeat", *arguments, **environment,
    )  # fmt: skip
    text, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code, text
    assert output in text
    assert "secret" not in text.replace("rtsp://u:secret@cam is broken')", "")
    assert not (tmp_path / "heartbeat").exists()


def test_a_metrics_port_that_is_taken_is_told_and_stops_nothing(tmp_path: Path, loopback: str) -> None:
    with socket.create_server((loopback, 9600)):
        process = _start(
            "async def main(module):\n    return\nrun_module('test', Settings, main)",
            tmp_path / "heartbeat", **{**EDGE, "METRICS_ADDRESS": loopback, "METRICS_PORT": "9600"},
        )  # fmt: skip
        text, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert f"no metrics on {loopback}:9600:" in text
    assert "(set METRICS_PORT)" in text


@pytest.mark.parametrize(
    ("number", "main", "least_s", "most_s"),
    [
        (signal.SIGTERM, "await module.stopping.wait()", 0, 7),
        (signal.SIGINT, "await module.stopping.wait()", 0, 7),
        (signal.SIGTERM, "await module.start()", 0, 7),  # no hub: interrupted while it connects
        (signal.SIGTERM, "await asyncio.sleep(60)", 4, 30),  # main ignores the stop: cancelled
        (signal.SIGTERM, "await module.stopping.wait()\n    import time; time.sleep(60)", 7, 30),  # it hangs
    ],
)
def test_a_signal_drains_and_exits_0_in_time(
    tmp_path: Path, number: signal.Signals, main: str, least_s: float, most_s: float
) -> None:
    heartbeat = tmp_path / "heartbeat"
    process = _start(
        f"async def main(module):\n    {main}\nrun_module('test', Settings, main)", heartbeat, **EDGE
    )
    _until(heartbeat.exists)
    time.sleep(0.3)
    began = time.monotonic()
    process.send_signal(number)
    text, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, text
    assert least_s <= time.monotonic() - began <= most_s
    assert f"{number.name}: draining" in text
    assert not heartbeat.exists()


def test_the_health_check_follows_the_heartbeat(tmp_path: Path) -> None:
    heartbeat = tmp_path / "heartbeat"

    def check() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "module_kit.healthcheck"], check=False, capture_output=True,
            text=True, env={"PYTHONPATH": str(ROOT / "libs"), "HEARTBEAT_FILE": str(heartbeat)},
        )  # fmt: skip

    assert check().returncode == 1
    heartbeat.touch()
    healthy = check()
    assert (healthy.returncode, healthy.stdout[:8]) == (0, "healthy:")
    assert not [
        name for name in ("pydantic", "prometheus_client", "asyncio", "azure") if name in healthy.stderr
    ]
    os.utime(heartbeat, (time.time() - 31, time.time() - 31))
    assert check().returncode == 1


@pytest.mark.parametrize(
    ("arguments", "main", "reason"),
    [
        ("loop_limit_s=0.5", "import time; time.sleep(30)", "the event loop has not turned for"),
        ("disconnected_limit_s=0.5", "await asyncio.sleep(30)", "no connection to the hub for"),
    ],
)
def test_the_watchdog_ends_a_hanging_module(tmp_path: Path, arguments: str, main: str, reason: str) -> None:
    process = _start(
        "import functools, module_kit.lifecycle as l, module_kit.watchdog as w\n"
        f"l.Watchdog = functools.partial(w.Watchdog, {arguments}, )\n"
        "l._BEAT_S = 0.1\n"
        f"async def main(module):\n    {main}\nrun_module('test', Settings, main)",
        tmp_path / "heartbeat", **EDGE,
    )  # fmt: skip
    text, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 70
    assert reason in text
