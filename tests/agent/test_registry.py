"""processes.json."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge_runtime.agent.kernel import ProcessId
from edge_runtime.agent.registry import ProcessRegistry


def test_what_is_recorded_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "processes.json"
    registry = ProcessRegistry(path, supervisor=ProcessId(1, 11))
    registry.record_hub(ProcessId(2, 22))
    registry.record_module("camera", ProcessId(3, 33))
    registry.record_module("filter", ProcessId(4, 44))
    registry.record_module("filter", None)
    assert ProcessRegistry.load(path) == registry
    assert json.loads(path.read_text()) == {
        "supervisor": {"pid": 1, "started": 11},
        "hub": {"pid": 2, "started": 22},
        "modules": {"camera": {"pid": 3, "started": 33}},
    }
    assert [file.name for file in tmp_path.iterdir()] == ["processes.json"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"hub": {"pid": 1}}', '{"modules": 5}', "\0"])
def test_a_file_that_cannot_be_read_is_as_none_with_a_warning(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "processes.json"
    path.write_text(content)
    assert ProcessRegistry.load(path).modules == {}
    assert str(path) in caplog.text


def test_nothing_there_is_no_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert ProcessRegistry.load(tmp_path / "processes.json").hub is None
    assert caplog.text == ""
