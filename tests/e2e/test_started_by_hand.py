"""The three modules started by hand with the two variables of `modulecred` alone, as in a debugger (spec A.1-2)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.e2e.conftest import StartDevice
from tests.e2e.device import ROOT, Device
from tests.patience import wait_for

MODULES = ("results_filter", "classifier", "camera")
SETTINGS = {"camera": {"FPS": "20"}}


@contextmanager
def by_hand(device: Device, module: str, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m MODULE` in a shell that has read the file which `modulecred` filled."""
    printed = device.command("modulecred", module)
    assert (printed.returncode, printed.stderr) == (0, "")
    credentials = device.state.with_name(f"{module}.env")
    credentials.write_text(printed.stdout)
    shell = f'set -a; . "{credentials}"; set +a; exec "{sys.executable}" -m {module}'
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT / 'libs'}:{ROOT / 'modules' / module}",
        "METRICS_PORT": "0",
        "HEARTBEAT_FILE": str(device.state.with_name(f"{module}.heartbeat")),
        **variables,
    }
    with log(device, module).open("wb") as output:
        process = subprocess.Popen(["bash", "-c", shell], env=environment, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def log(device: Device, module: str) -> Path:
    return device.state.with_name(f"{module}.by-hand.log")


def test_the_whole_pipeline(device: StartDevice) -> None:
    left_out = [argument for module in MODULES for argument in ("--without", module)]
    running = device(None, *left_out).up()

    def upstream(output: str) -> bool:
        shown = running.command("events", "--output", output, "--json")
        found = [json.loads(line)["body"] for line in shown.stdout.splitlines()]
        return any(body.get("label") for body in found)

    with ExitStack() as programs:
        processes = {
            module: programs.enter_context(by_hand(running, module, **SETTINGS.get(module, {})))
            for module in MODULES
        }
        wait_for(lambda: upstream("events"), "an event upstream")
        # A twin and a method take the same connection.
        assert running.command("twin", "camera", "--patch", '{"fps": 15}').returncode == 0
        wait_for(lambda: running.twin("camera").get("fps", {}).get("value") == 15, "the camera took its twin")
        assert running.command("method", "camera", "snapshot").returncode == 0
        for module, process in processes.items():
            assert process.poll() is None, log(running, module).read_text()
            process.terminate()
            assert process.wait() == 0, log(running, module).read_text()
    assert running.processes["modules"] == {}, "none of them was the runtime's"
    assert running.stop() == 0
