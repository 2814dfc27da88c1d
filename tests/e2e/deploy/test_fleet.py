"""`scripts/deploy` as automatic and layered deployments: the real SDK, the local IoT Hub, the real modules."""

from __future__ import annotations

import signal
from collections.abc import Iterator
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
from tests.e2e.service_sdk import ServiceSdk, model, service_sdk

pytestmark = [NEEDS_SDK, pytest.mark.slow]
CONDITION = "tags.environment='dev'"
"""That of environments/dev.env."""
YES = ("--yes", *QUICK)


@pytest.fixture
def sdk(deploying: Deploying) -> Iterator[ServiceSdk]:
    """The service SDK; the device has the tag that the condition asks for."""
    with service_sdk(deploying.device) as made:
        made.registry("update_twin", "edge", model("Twin", tags={"environment": "dev"}))
        yield made


def with_fps(fps: Any) -> Template:
    document = template()
    settings_of(document, "camera")["fps"] = fps
    return document


def layer(predictions: str) -> Template:
    """A second filter."""
    second = modules_of(template())["results_filter"]
    second["env"]["PREDICTIONS_UPSTREAM"]["value"] = predictions
    content = {
        "$edgeAgent": {"properties.desired.modules.second": second},
        "second": {"properties.desired": {}},
    }
    return {"content": {"modulesContent": content}}


def applying(sdk: ServiceSdk) -> dict[str, int]:
    """Names of configurations that mean somebody, without their unique ends, and on how many devices they are."""
    found = sdk.configuration("get_configurations")
    return {
        one["id"].rsplit("-", 2)[0]: one["systemMetrics"]["results"]["appliedCount"]
        for one in found
        if one["targetCondition"]
    }


def test_an_automatic_deployment_and_its_way_back(deploying: Deploying, sdk: ServiceSdk) -> None:
    original = deploying.sections()
    # The first one breaks: each device has again what was its own.
    code, said = deploying.deploy(with_fps("many"), *YES)
    assert code == 1, said
    assert "compared with what edge has" in said
    assert applying(sdk) == {}
    assert deploying.sections() == original
    code, said = deploying.deploy(with_fps(7), *YES)
    assert code == 0, said
    assert f"1 device ({CONDITION}) runs edge-vision-dev-" in said
    assert applying(sdk) == {"edge-vision-dev": 1}
    seven = deploying.sections()
    assert seven["camera"] == {"fps": 7}
    # A broken one is deleted, and the one before applies again.
    code, said = deploying.deploy(with_fps("many"), *YES)
    assert code == 1, said
    assert "fps: 7 -> many" in said
    assert "applies again, and all is well with it" in said
    assert deploying.sections() == seven
    assert applying(sdk) == {"edge-vision-dev": 1}
    code, said = deploying.deploy(with_fps(7), *YES)
    assert code == 0, said
    assert said.startswith("nothing to do: edge-vision-dev-")
    # What is for one device alone would not last, and is refused.
    code, said = deploying.deploy(with_fps(9), *YES, "--device", "edge")
    assert code == 4, said
    assert "the automatic deployment edge-vision-dev-" in said
    assert deploying.sections() == seven
    # A good one, and back by hand.
    code, said = deploying.deploy(with_fps(9), *YES)
    assert code == 0, said
    assert applying(sdk) == {"edge-vision-dev": 1}
    code, said = deploying.deploy(None, *YES, "--restore")
    assert code == 0, said
    assert deploying.sections() == seven
    assert applying(sdk) == {"edge-vision-dev": 1}


def test_an_interrupted_automatic_deployment(deploying: Deploying, sdk: ServiceSdk) -> None:
    code, said = deploying.deploy(with_fps(7), *YES)
    assert code == 0, said
    process = deploying.start(with_fps(9), "--yes", "--settle", "1000")
    deploying.until(process, "all is well; watching")
    code, said = deploying.interrupt(process, signal.SIGINT)
    assert code == 130
    assert "--follow goes on" in said
    code, said = deploying.deploy(None, *YES, "--follow")
    assert code == 0, said
    assert applying(sdk) == {"edge-vision-dev": 1}
    assert deploying.sections()["camera"] == {"fps": 9}
    process = deploying.start(with_fps(11), "--yes", "--settle", "1000")
    deploying.until(process, "all is well; watching")
    assert deploying.interrupt(process, signal.SIGKILL)[0] == -signal.SIGKILL
    # What was never seen well to its end is not what a failure goes back to.
    code, said = deploying.deploy(with_fps("many"), *YES)
    assert code == 1, said
    assert deploying.sections()["camera"] == {"fps": 9}
    assert applying(sdk) == {"edge-vision-dev": 1}
    code, said = deploying.deploy(None, *YES, "--restore")
    assert code == 0, said
    assert deploying.sections()["camera"] == {"fps": 7}


def test_layers(deploying: Deploying, sdk: ServiceSdk) -> None:
    extra = (*YES, "--name", "extra", "--layered")
    code, said = deploying.deploy(layer("off"), *extra)
    assert code == 4, said
    assert "no automatic deployment that this layer could be put on" in said
    code, said = deploying.deploy(template(), *YES)
    assert code == 0, said
    code, said = deploying.deploy(layer("off"), *extra)
    assert code == 4, said
    assert "must be above the 10 of edge-vision-dev-" in said
    above = (*extra, "--priority", "11")
    # The first layer of its name breaks: it goes, and the base stays.
    code, said = deploying.deploy(layer("everything"), *above)
    assert code == 1, said
    deploying.runs(*SOLUTION_MODULES)
    assert applying(sdk) == {"edge-vision-dev": 1}
    code, said = deploying.deploy(layer("off"), *above)
    assert code == 0, said
    deploying.runs(*SOLUTION_MODULES, "second")
    assert applying(sdk) == {"edge-vision-dev": 1, "extra": 1}
    good = deploying.sections()
    code, said = deploying.deploy(layer("everything"), *above)
    assert code == 1, said
    assert deploying.sections() == good
    # The base can be deployed again without the layer's module being in its way.
    code, said = deploying.deploy(with_fps(7), *YES)
    assert code == 0, said
    assert "ENDS" not in said
    deploying.runs(*SOLUTION_MODULES, "second")


def test_a_condition_that_means_nobody(deploying: Deploying) -> None:
    code, said = deploying.deploy(template(), *YES, "--target-condition", "tags.environment='tset'")
    assert code == 4, said
    assert "a misspelt condition would deploy to nobody" in said
    code, said = deploying.deploy(template(), *YES, "--target-condition", "tags.environment ==")
    assert code == 4, said
    assert "400" in said
