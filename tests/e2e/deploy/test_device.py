"""`scripts/deploy` to one device: the real SDK, the local IoT Hub, the real modules."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
from typing import Any

import pytest

from tests.e2e.deploying import (
    NEEDS_SDK,
    QUICK,
    SOLUTION_MODULES,
    Deploying,
    Template,
    modules_of,
    settings_of,
    template,
)
from tests.e2e.device import ROOT
from tests.patience import PATIENCE_S

pytestmark = [NEEDS_SDK, pytest.mark.slow]
TO_EDGE = ("--device", "edge")
YES = (*TO_EDGE, "--yes", *QUICK)


def faster() -> Template:
    """Another setting in the twin, another variable, and other createOptions."""
    document = template()
    settings_of(document, "camera")["fps"] = 7
    modules_of(document)["results_filter"]["env"]["PREDICTIONS_UPSTREAM"]["value"] = "all"
    modules_of(document)["classifier"]["settings"]["createOptions"]["HostConfig"]["PidsLimit"] = 65
    return document


def crashing() -> Template:
    document = template()
    modules_of(document)["classifier"]["env"]["MODEL"]["value"] = "/no/such/model"
    return document


def refused() -> Template:
    document = template()
    settings_of(document, "camera")["fps"] = "many"
    return document


def imageless() -> Template:
    document = template()
    modules_of(document)["classifier"]["settings"]["image"] = "127.0.0.1:5000/nobody-built-this:1"
    return document


def test_a_good_deployment_and_the_same_again(deploying: Deploying) -> None:
    pids = {name: deploying.device.module(name)["pid"] for name in SOLUTION_MODULES}
    code, said = deploying.deploy(faster(), *YES, "--json")
    assert code == 0, said
    result = json.loads(said[said.index("\n{\n") :])
    assert (result["outcome"], result["exitCode"], result["device"]) == ("deployed", 0, "edge")
    told = {(change["subject"], ".".join(change["path"])): change["after"] for change in result["changes"]}
    assert told == {
        ("module classifier", "settings.createOptions.HostConfig.PidsLimit"): 65,
        ("module results_filter", "env.PREDICTIONS_UPSTREAM.value"): "all",
        ("twin of camera", "fps"): 7,
    }
    assert {part["health"] for part in result["devices"]["edge"].values()} == {"good"}
    assert deploying.device.twin("camera")["fps"]["value"] == 7
    # What has changed was started anew, and nothing else.
    after = {name: deploying.device.module(name)["pid"] for name in SOLUTION_MODULES}
    assert {name for name in SOLUTION_MODULES if after[name] != pids[name]} == {
        "classifier",
        "results_filter",
    }
    code, said = deploying.deploy(faster(), *YES)
    assert (code, said) == (0, "nothing to do: edge has this deployment already\n")
    # Back by hand, for a deployment that is good and not what was wanted.
    code, said = deploying.deploy(None, *YES, "--restore")
    assert code == 0, said
    assert "restored: edge runs it" in said
    assert deploying.device.twin("camera")["fps"]["value"] == 5


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        pytest.param(crashing, "classifier: backoff: exit code 2", id="crashes at start"),
        pytest.param(refused, 'camera: fps: refused: fps = "many"', id="settings refused"),
        pytest.param(imageless, "nobody-built-this:1 has no source", id="image missing"),
    ],
)
def test_a_broken_deployment_is_taken_back(deploying: Deploying, broken: Any, told: str) -> None:
    before = deploying.sections()
    code, said = deploying.deploy(broken(), *YES)
    assert code == 1, said
    assert told in said
    assert said.endswith("scripts/deploy: edge runs the last good deployment again\n")
    assert deploying.sections() == before
    deploying.runs(*SOLUTION_MODULES)
    assert deploying.device.twin("camera")["fps"]["ac"] == 200


def test_the_last_good_one_does_not_become_well_in_time(deploying: Deploying) -> None:
    before = deploying.sections()
    code, said = deploying.deploy(faster(), *TO_EDGE, "--yes", "--timeout", "0")
    assert code == 6, said
    assert "edge has the last good deployment again, and is not well with it" in said
    assert deploying.sections() == before


def test_nobody_to_ask(deploying: Deploying) -> None:
    before = deploying.sections()
    code, said = deploying.deploy(faster(), *TO_EDGE)
    assert code == 3, said
    assert "+   fps: 7" in said
    assert "--yes" in said
    assert deploying.sections() == before


@pytest.mark.parametrize(("answer", "expected"), [("\n", 3), ("y\n", 0)])
def test_somebody_is_asked(deploying: Deploying, answer: str, expected: int) -> None:
    file = deploying.write(faster())
    state = str(deploying.device.state)
    ours, theirs = pty.openpty()
    os.write(ours, answer.encode())
    done = subprocess.run(
        [
            *(str(ROOT / "scripts" / "deploy"), "--env", "dev", "--state", state, *TO_EDGE, *QUICK),
            *("--template", str(file)),
        ],
        cwd=deploying.home,
        env=deploying.environment(),
        stdin=theirs,
        capture_output=True,
        text=True,
        timeout=5 * PATIENCE_S,
        check=False,
    )
    os.close(ours)
    os.close(theirs)
    assert done.returncode == expected, done.stdout + done.stderr
    assert "Apply this to edge? [y/N]" in done.stdout
    assert deploying.device.twin("camera", "desired").get("fps") == (7 if expected == 0 else None)


def without_classifier() -> Template:
    document = template()
    del modules_of(document)["classifier"], document["modulesContent"]["classifier"]
    routes = document["modulesContent"]["$edgeHub"]["properties.desired"]["routes"]
    for name in ("credits", "predictions", "frames"):
        del routes[name]
    return document


def test_no_module_ends_unless_that_was_said(deploying: Deploying) -> None:
    before = deploying.sections()
    code, said = deploying.deploy(without_classifier(), *YES)
    assert code == 3, said
    assert "- the module classifier ENDS" in said
    assert "--remove" in said
    assert deploying.sections() == before
    # As a layer it leaves everything else as it is.
    code, said = deploying.deploy(without_classifier(), *YES, "--layered")
    assert code == 0, said
    assert "nothing to do" in said
    code, said = deploying.deploy(without_classifier(), *YES, "--remove")
    assert code == 0, said
    deploying.runs("camera", "results_filter")


def test_a_layer_adds_to_what_the_device_has(deploying: Deploying) -> None:
    second = modules_of(template())["results_filter"]
    layer = {
        "$edgeAgent": {"properties.desired.modules.second": second},
        "$edgeHub": {
            "properties.desired.routes.second": "FROM /messages/modules/second/outputs/events INTO $upstream"
        },
        "second": {"properties.desired": {"predictionsUpstream": "all"}},
    }
    code, said = deploying.deploy({"content": {"modulesContent": layer}}, *YES)
    assert code == 0, said
    deploying.runs(*SOLUTION_MODULES, "second")
    assert deploying.device.twin("second")["predictionsUpstream"]["value"] == "all"
    code, said = deploying.deploy(None, *YES, "--restore")
    assert code == 3, said
    assert "the module second ENDS" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_interrupted(deploying: Deploying, number: signal.Signals) -> None:
    before = deploying.sections()
    process = deploying.start(faster(), *TO_EDGE, "--yes", "--settle", "1000")
    deploying.until(process, "all is well; watching")
    code, said = deploying.interrupt(process, number)
    deploying.keeps_secrets(said)
    if number is signal.SIGKILL:
        assert code == -number
    else:
        assert code == 130
        assert "interrupted: edge has the new deployment, and was not seen well with it yet" in said
        assert "scripts/deploy --env dev --device edge --follow" in said
    # Another one, of another machine for instance, does not take what nobody saw well for the last good one.
    code, said = deploying.deploy(crashing(), *YES)
    assert code == 1, said
    assert deploying.sections() == before


def test_an_interrupted_deployment_goes_on(deploying: Deploying) -> None:
    process = deploying.start(faster(), *TO_EDGE, "--yes", "--settle", "1000")
    deploying.until(process, "all is well; watching")
    assert deploying.interrupt(process, signal.SIGINT)[0] == 130
    wanted = deploying.sections()
    code, said = deploying.deploy(None, *TO_EDGE, *QUICK, "--follow")
    assert code == 0, said
    assert "deployed: edge runs it" in said
    assert deploying.sections() == wanted
    code, said = deploying.deploy(crashing(), *YES)
    assert code == 1, said
    assert deploying.sections() == wanted


def test_following_takes_back_what_turns_out_broken(deploying: Deploying) -> None:
    before = deploying.sections()
    process = deploying.start(crashing(), *TO_EDGE, "--yes", "--patience", "1000")
    deploying.until(process, "!! classifier: backoff")
    assert deploying.interrupt(process, signal.SIGINT)[0] == 130
    code, said = deploying.deploy(None, *TO_EDGE, *QUICK, "--follow")
    assert code == 1, said
    assert deploying.sections() == before


def test_a_dry_run_changes_nothing(deploying: Deploying) -> None:
    before = deploying.sections()
    code, said = deploying.deploy(faster(), *TO_EDGE, "--dry-run")
    assert code == 0, said
    assert "PidsLimit: 64 -> 65" in said
    assert deploying.sections() == before
