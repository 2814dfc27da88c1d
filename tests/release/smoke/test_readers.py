"""What arrived, read by the real `azure-eventhub`, as far as it goes without Azure, and by `scripts/edge events`."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from release.smoke.errors import NotPossibleError
from release.smoke.readers import LocalReader
from tests.e2e.device import ROOT
from tests.e2e.service_sdk import PYTHON, SETUP
from tests.patience import PATIENCE_S
from tests.release.smoke.test_arrival import BODY

NOBODY = "Endpoint=sb://127.0.0.1:9;SharedAccessKeyName=a;SharedAccessKey=c2VjcmV0;EntityPath=q;UseDevelopmentEmulator=true"
READ_EVENTS = """
import json, sys
from azure.eventhub import EventData
from release.smoke.readers import EventHubReader
reader = EventHubReader(sys.argv[1], "$Default")
for body in json.load(sys.stdin):
    reader._event(None, EventData(body))
while (arrival := reader.next(0)) is not None:
    print(arrival.label)
"""
FAIL = """
import sys
from release.smoke.errors import NotPossibleError
from release.smoke.readers import EventHubReader
try:
    with EventHubReader(sys.argv[1], "$Default") as reader:
        reader.next(float(sys.argv[2]))
except NotPossibleError as error:
    print(error)
"""


def in_service_environment(program: str, *arguments: str, said: Any = None) -> str:
    if not PYTHON.exists():
        pytest.skip(f"azure-eventhub is not there ({SETUP})")
    done = subprocess.run(
        [str(PYTHON), "-c", program, *arguments],
        input=json.dumps(said),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_events_of_azure_are_read_and_what_is_no_prediction_is_passed_over() -> None:
    bodies = ["not json", json.dumps(BODY), json.dumps({"schema": "event/1"}), "[1]"]
    assert in_service_environment(READ_EVENTS, NOBODY, said=bodies) == "cat\n"


@pytest.mark.parametrize(
    "wrong", ["", "Endpoint=sb://x/", "HostName=h;SharedAccessKeyName=a;SharedAccessKey=c2VjcmV0"]
)
def test_another_connection_string_is_refused_without_being_repeated(wrong: str) -> None:
    said = in_service_environment(FAIL, wrong, "0")
    assert said.startswith("EVENTHUB_CONNECTION_STRING is not one of an Event-Hub-compatible endpoint")
    assert "c2VjcmV0" not in said


def test_an_endpoint_where_nobody_answers_is_told() -> None:
    said = in_service_environment(FAIL, NOBODY, str(PATIENCE_S))
    assert said.startswith("the Event-Hub-compatible endpoint cannot be read: ")
    assert "c2VjcmV0" not in said


def test_a_local_iot_hub_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "upstream.db").write_text("this is no store")
    with (
        LocalReader(tmp_path) as reader,
        pytest.raises(NotPossibleError, match=r"the local IoT Hub's events cannot be read: .*upstream.db"),
    ):
        reader.next(PATIENCE_S)
