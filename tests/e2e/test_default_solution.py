"""A solution as `iotedgedev solution new -t python` lays it out, unchanged, with packages from a package index."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.agent.wheels import make_wheel
from tests.e2e.conftest import StartDevice
from tests.e2e.device import ROOT, Device
from tests.patience import wait_for

SOLUTION = ROOT / "tests" / "solutions" / "filter"
SENSOR = f"tempSensor={sys.executable} {SOLUTION / 'sensor.py'}"
OUT_OF_REACH = "the package index cannot be reached"


@pytest.fixture
def solution(short: Path) -> Path:
    """A copy, with its `.env`."""
    copy = short / "solution"
    shutil.copytree(SOLUTION, copy)
    (copy / ".env.template").rename(copy / ".env")
    return copy / "deployment.template.json"


def thermometer_alone(short: Path) -> dict[str, str]:
    """Variables with which pip finds one package and no others."""
    make_wheel(short / "wheels", "thermometer", "1.0")
    return {
        "XDG_CACHE_HOME": str(short / "cache"),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(short / "wheels"),
        "PIP_CONFIG_FILE": os.devnull,
    }


def states(device: Device) -> dict[str, tuple[str, str]]:
    modules = device.twin("$edgeAgent").get("modules", {})
    return {name: (m["runtimeStatus"], m["statusDescription"]) for name, m in modules.items()}


def alerts(device: Device) -> list[dict[str, Any]]:
    shown = device.command("events", "--module", "filtermodule", "--json").stdout
    return [json.loads(line) for line in shown.splitlines()]


@pytest.mark.slow
def test_its_module_runs_with_packages_of_its_own(device: StartDevice, solution: Path, short: Path) -> None:
    cache = {"XDG_CACHE_HOME": str(short / "cache")}
    running = device(solution, "--module", SENSOR, **cache).up()
    wait_for(lambda: states(running).get("filtermodule", ("",))[0] in {"running", "failed"}, "pip is done")
    status, description = states(running)["filtermodule"]
    if OUT_OF_REACH in description:
        pytest.skip(description)
    assert status == "running", description
    event = wait_for(lambda: alerts(running), "a hot machine upstream")[0]
    assert event["body"]["machine"]["temperature"] > 25
    assert event["properties"]["MessageType"] == "Alert"
    assert (
        running.command("twin", "filtermodule", "--patch", '{"TemperatureThreshold": 1000}').returncode == 0
    )
    wait_for(lambda: running.twin("filtermodule").get("TemperatureThreshold") == 1000, "the twin is taken")
    program = Path(f"/proc/{running.module('filtermodule')['pid']}/exe").readlink()
    assert running.stop() == 0
    # Again, without a network: nothing is installed any more.
    offline = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_RETRIES": "0",
    }
    again = device(solution, "--module", SENSOR, **cache, **offline).up()
    assert Path(f"/proc/{again.module('filtermodule')['pid']}/exe").readlink() == program
    assert "installing" not in again.said()
    assert again.stop() == 0


def test_what_cannot_start_is_failed_with_its_reason_while_the_others_run(
    device: StartDevice, solution: Path, short: Path
) -> None:
    """No source for the sensor's image, and a requirement that no index has."""
    packages = thermometer_alone(short)
    other = solution.parent / "modules" / "other"
    shutil.copytree(solution.parent / "modules" / "filtermodule", other)
    (other / "main.py").write_text("import thermometer, time; print('cool', flush=True); time.sleep(1000)\n")
    (other / "requirements.txt").write_text("thermometer\n")
    (other / "module.json").write_text((other / "module.json").read_text().replace("filtermodule", "other"))
    template = json.loads(solution.read_text())
    modules = template["modulesContent"]["$edgeAgent"]["properties.desired"]["modules"]
    modules["other"] = json.loads(json.dumps(modules["filtermodule"]).replace("filtermodule", "other"))
    solution.write_text(json.dumps(template))
    running = device(solution, **packages).up()
    wanted = {"tempSensor": "failed", "filtermodule": "failed", "other": "running"}
    wait_for(lambda: {name: found[0] for name, found in states(running).items()} == wanted, "all is decided")
    wait_for(lambda: "cool" in running.log("other"), "the other one works")
    found = states(running)
    assert "azureiotedge-simulated-temperature-sensor:1.5 has no source" in found["tempSensor"][1]
    assert "--module tempSensor=CMD" in found["tempSensor"][1]
    assert "requirements.txt" in found["filtermodule"][1]
    assert "azure-iot-device" in found["filtermodule"][1]
    assert "filtermodule: failed (pip cannot install requirements.txt" in running.said()
    assert running.stop() == 0


def test_a_module_that_is_left_out_can_be_started_with_its_own_packages(
    device: StartDevice, solution: Path, short: Path
) -> None:
    packages = thermometer_alone(short)
    folder = solution.parent / "modules" / "filtermodule"
    (folder / "requirements.txt").write_text("thermometer\n")
    (folder / "main.py").write_text("import thermometer; print('version', thermometer.VERSION)\n")
    running = device(solution, "--without", "filtermodule", "--without", "tempSensor", **packages).up()
    said = "filtermodule: left out; its environment: "
    wait_for(lambda: said in running.said(), "the packages are there")
    (line,) = [line for line in running.said().splitlines() if said in line]
    script = f"{line.partition(said)[2]}; exec python3 ./main.py"
    done = subprocess.run(["bash", "-c", script], env={}, capture_output=True, text=True, check=False)
    assert done.stdout == "version 1.0\n", done.stderr
    assert running.stop() == 0
    assert not (running.state / "filtermodule.env").exists()
