"""Where variables and the IoT Hub come from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from release.deploy.environment import Connection, find_connection, read_environment
from release.deploy.outcome import UsageError

TEXT = "HostName=hub.example;SharedAccessKeyName=owner;SharedAccessKey=c2VjcmV0"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "dev.env").write_text("A=environment\nB=environment\nD=\n")
    (tmp_path / ".env").write_text("A=dotenv\nC=dotenv\nD=dotenv\nE=\n")
    return tmp_path


def test_the_process_wins_over_the_environment_and_that_over_dotenv(root: Path) -> None:
    assert read_environment(root, "dev", {"C": "process"}).get("C") == "process"
    environment = read_environment(root, "dev", {"B": "process"})
    assert [environment.get(name) for name in "ABCDE"] == ["environment", "process", "dotenv", None, None]


def test_an_environment_that_is_not_there(root: Path) -> None:
    with pytest.raises(UsageError, match=r"prod\.env is missing; there are: dev"):
        read_environment(root, "prod", {})


def test_a_local_device_s_iot_hub(root: Path) -> None:
    state = root / "state"
    state.mkdir()
    iothub = {"connectionString": TEXT, "caFile": "/ca.pem"}
    (state / "endpoints.json").write_text(json.dumps({"device": "edge", "iothub": iothub}))
    expected = Connection(TEXT, "hub.example", Path("/ca.pem"), "edge")
    azure = {"IOTHUB_CONNECTION_STRING": TEXT.replace("hub", "azure")}
    assert find_connection(read_environment(root, "dev", azure), state) == expected
    named = read_environment(root, "dev", {**azure, "EDGE_RUNTIME_STATE": str(state)})
    assert find_connection(named, None) == expected
    (state / "endpoints.json").write_text(
        json.dumps({"device": "edge", "iothub": {**iothub, "connectionString": None}})
    )
    with pytest.raises(UsageError, match="not up yet"):
        find_connection(named, None)
    with pytest.raises(UsageError, match="is a device running there"):
        find_connection(named, root / "nowhere")


def test_an_iot_hub_by_its_connection_string(root: Path) -> None:
    environment = read_environment(root, "dev", {"IOTHUB_CONNECTION_STRING": TEXT})
    found = find_connection(environment, None)
    assert (found.host, found.ca_file, found.device) == ("hub.example", None, None)
    assert "c2VjcmV0" not in repr(found) + repr(environment)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no IoT Hub"),
        ("HostName=h;DeviceId=d;SharedAccessKey=c2VjcmV0", "it is a device's: SharedAccessKeyName missing"),
        ("c2VjcmV0", "HostName and SharedAccessKeyName and SharedAccessKey missing"),
        ("HostName=h;SharedAccessKeyName=o;SharedAccessKey=c2VjcmV0c", "no base64: was all of it copied"),
    ],
)
def test_no_connection_string_of_an_iot_hub(root: Path, text: str, told: str) -> None:
    environment = read_environment(root, "dev", {"IOTHUB_CONNECTION_STRING": text})
    with pytest.raises(UsageError, match=told) as failure:
        find_connection(environment, None)
    assert "c2VjcmV0" not in str(failure.value)
