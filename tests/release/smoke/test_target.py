"""Which device is meant, and what is told when it cannot be known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from release.smoke.errors import NotPossibleError
from release.smoke.target import EVENTHUB, IOTHUB, azure_target, local_target

KEY = "HostName=h.azure-devices.net;SharedAccessKeyName=iothubowner;SharedAccessKey=c2VjcmV0"
HUB = "Endpoint=sb://e/;SharedAccessKeyName=service;SharedAccessKey=c2VjcmV0;EntityPath=q"


def endpoints(state: Path, **changes: Any) -> None:
    iothub = {"connectionString": KEY, "caFile": "/ca.pem"}
    (state / "endpoints.json").write_text(json.dumps({"device": "edge", "iothub": iothub} | changes))


def test_a_local_device_is_what_its_state_folder_says(tmp_path: Path) -> None:
    endpoints(tmp_path)
    found = local_target(tmp_path)
    assert (found.device, found.connection_string, found.ca_file) == ("edge", KEY, Path("/ca.pem"))
    assert "c2VjcmV0" not in repr(found)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"iothub": 1}'])
def test_a_state_folder_of_nothing_that_runs_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "endpoints.json").write_text(content)
    with pytest.raises(NotPossibleError, match="no device runs with the state folder"):
        local_target(tmp_path)


def test_a_device_without_an_iot_hub_is_refused(tmp_path: Path) -> None:
    endpoints(tmp_path, iothub={"connectionString": None, "caFile": "/ca.pem"})
    with pytest.raises(NotPossibleError, match="has no IoT Hub"):
        local_target(tmp_path)


def test_azure_needs_a_device_and_the_endpoint_that_tells_what_arrives() -> None:
    with pytest.raises(NotPossibleError, match="--device"):
        azure_target({IOTHUB: KEY, EVENTHUB: HUB}, None, "$Default")
    with pytest.raises(NotPossibleError, match="--default-eventhub"):
        azure_target({IOTHUB: KEY}, "pi", "$Default")
    found = azure_target({IOTHUB: KEY, EVENTHUB: HUB}, "pi", "smoke")
    assert (found.device, found.state, found.consumer_group) == ("pi", None, "smoke")
    assert "c2VjcmV0" not in repr(found)
