"""The policy's key in the state folder."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from edge_runtime.iothub.service.policy import Policy


def test_the_key_is_kept_for_this_user_alone_and_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "iothub.json"
    made = Policy.load(path)
    made.save(path, 4711)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Policy.load(path) == Policy(made.key, 4711)
    assert made.key not in repr(made)
    assert (
        made.connection_string("h:1")
        == f"HostName=h:1;SharedAccessKeyName=iothubowner;SharedAccessKey={made.key}"
    )


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"key": "?", "port": 1}', '{"key": "YWJj", "port": null}'])
def test_a_broken_file_gives_way_to_a_new_key(tmp_path: Path, text: str) -> None:
    path = tmp_path / "iothub.json"
    path.write_text(text)
    first, second = Policy.load(path), Policy.load(path)
    assert first.key != second.key
    assert first.port == 0
