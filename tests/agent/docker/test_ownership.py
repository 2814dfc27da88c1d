from __future__ import annotations

from pathlib import Path

import pytest

from edge_runtime.agent.docker.ownership import Owner, host_label


@pytest.mark.parametrize(
    ("device", "label"),
    [("edge", "edge"), ("Edge_1.b", "edge-1-b"), ("$$$", "device"), ("a" * 128, "a" * 40), ("-x-", "x")],
)
def test_a_device_s_id_becomes_one_label_of_a_host_name(device: str, label: str) -> None:
    assert host_label(device) == label


def test_one_device_s_name_in_two_state_folders_is_two_owners() -> None:
    one, other = (Owner("edge", Path(folder)) for folder in ("/a", "/b"))
    assert one.name != other.name
    assert one.filters != other.filters
    assert one.container("camera").startswith("edge-runtime-edge-")
    assert len(one.interface) <= 15
    assert one.labels("camera").items() > one.labels().items()
