"""What the local IoT Hub keeps is there after a restart, and a write that failed is not."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from edge_runtime.iothub.service.documents import Documents, DocumentsError
from edge_runtime.iothub.service.errors import UnavailableError


async def test_documents_survive_by_kind_and_name(tmp_path: Path) -> None:
    path = tmp_path / "iothub.db"
    documents = Documents(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await documents.put("tags", "b", {"n": 1})
    await documents.put("tags", "a", {"n": 2})
    await documents.put("twin", "a", {"n": 3})
    await documents.put("tags", "b", {"n": 4})
    await documents.delete("twin", "a")
    documents.close()
    again = Documents(path)
    assert again.all("tags") == {"a": {"n": 2}, "b": {"n": 4}}
    assert list(again.all("tags")) == ["a", "b"]
    assert again.get("twin", "a") is None
    again.close()


async def test_what_the_disk_refuses_is_not_there(tmp_path: Path) -> None:
    documents = Documents(tmp_path / "iothub.db")
    other = sqlite3.connect(tmp_path / "iothub.db")
    other.execute("DROP TABLE documents")
    with pytest.raises(UnavailableError):
        await documents.put("tags", "a", {})
    assert documents.get("tags", "a") is None
    other.close()
    documents.close()


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "iothub.db"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(DocumentsError, match=r"iothub\.db"):
        Documents(path)
