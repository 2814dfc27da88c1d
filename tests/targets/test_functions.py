"""The function app from the folder that is published, loaded and called as the host does. Needs .venv-functions."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from targets.package import main as package
from tests.patience import PATIENCE_S
from tests.targets.environments import environment, needs, python_of
from tests.targets.golden import scores, vectors
from tests.targets.test_alerts import event

pytestmark = needs("functions")
HOST = Path(__file__).with_name("host.py")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is published."""
    made = tmp_path_factory.mktemp("functions")
    assert package(["functions", str(made)]) == 0
    return made


def host(folder: Path, command: dict[str, Any], **settings: str) -> Any:
    done = subprocess.run(
        [python_of("functions"), "-P", HOST],
        cwd=folder,
        env=environment(**settings),
        input=json.dumps(command),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def call(
    function: str, method: str, body: bytes = b"", content_type: str = "", **params: str
) -> dict[str, Any]:
    return {
        "function": function,
        "method": method,
        "headers": {"Content-Type": content_type},
        "params": params,
        "body": base64.b64encode(body).decode(),
    }


def test_the_host_finds_three_functions_and_their_bindings(folder: Path) -> None:
    index = host(folder, {"index": True})
    assert set(index) == {"score", "health", "alerts"}
    by_type = {name: {binding["type"]: binding for binding in one["bindings"]} for name, one in index.items()}
    score, health, alerts = (by_type[name] for name in ("score", "health", "alerts"))
    assert (score["httpTrigger"]["route"], score["httpTrigger"]["authLevel"]) == ("score", "FUNCTION")
    assert health["httpTrigger"]["authLevel"] == "ANONYMOUS"
    trigger = alerts["eventHubTrigger"]
    assert (trigger["name"], trigger["cardinality"]) == ("events", "MANY")
    assert (trigger["eventHubName"], trigger["consumerGroup"]) == (
        "%IOTHUB_EVENTS_NAME%",
        "%IOTHUB_CONSUMER_GROUP%",
    )
    assert (alerts["queue"]["queueName"], alerts["queue"]["direction"]) == ("alerts", "OUT")
    assert json.loads((folder / "host.json").read_text())["version"] == "2.0"


def test_a_batch_of_events_that_fails_is_tried_until_it_does_not(folder: Path) -> None:
    index = host(folder, {"index": True})
    assert index["alerts"]["retry"] == {
        "setting_name": "retry_policy",
        "strategy": "exponential_backoff",
        "max_retry_count": "-1",
        "minimum_interval": "00:00:02",
        "maximum_interval": "00:05:00",
    }
    assert [index[name]["retry"] for name in ("score", "health")] == [None, None]


def test_a_setting_that_is_none_fails_the_run(folder: Path) -> None:
    with pytest.raises(AssertionError, match="RuleError: ALERT_TYPES"):
        host(folder, {"events": [json.dumps(event())]}, ALERT_TYPES="sometimes")


@pytest.mark.parametrize("bundle", ["fast", "accurate"])
def test_golden_pictures_get_the_scores_of_image_classifier(folder: Path, bundle: str) -> None:
    calls = [
        call("score", "POST", vector.image, vector.content_type, top_k="10") for vector in vectors(bundle)
    ]
    calls.append(call("score", "POST", b"x", "image/png"))
    calls.append(call("health", "GET"))
    *answers, mistake, health = host(folder, {"http": calls}, BUNDLE=bundle)
    for vector, answer in zip(vectors(bundle), answers, strict=True):
        assert (answer["status"], answer["type"]) == (200, "application/json")
        assert answer["body"].pop("model")["name"] == bundle
        assert answer["body"] == scores(bundle, vector)
    assert (mistake["status"], mistake["type"]) == (422, "application/problem+json")
    assert (health["status"], health["body"]["bundle"]) == (200, bundle)


def test_events_become_alerts_on_the_queue(folder: Path) -> None:
    bodies = [json.dumps(event()), json.dumps({"schema": "summary/1"}), "no json", json.dumps(event())]
    (alert,) = host(folder, {"events": bodies}, ALERT_LABELS="cat")
    assert json.loads(alert)["id"] == "camera.b1.7.e.cat.start"
    assert host(folder, {"events": bodies}, ALERT_LABELS="dog") is None
