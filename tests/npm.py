"""Packages of npm that tests need, installed as a lock file has them."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

_OFFLINE = (
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "ENETUNREACH",
    "EHOSTUNREACH",
    "ETIMEDOUT",
)
_PATIENCE_S = 300


def installed(folder: Path) -> Path:
    """`node_modules` of the `package-lock.json` in a folder, installed once for all sessions, outside of the tree.

    Skips the test without node, npm or a registry.
    """
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node or npm is not installed")
    lock = (folder / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edge-vision"
    place = cache / f"node-{hashlib.sha256(lock).hexdigest()[:16]}"
    if not place.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as draft:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(folder / name, draft)
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(
                command, cwd=draft, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
            )
            if any(error in done.stderr for error in _OFFLINE):
                pytest.skip(f"no npm registry can be reached: {done.stderr.splitlines()[0]}")
            assert done.returncode == 0, done.stderr
            Path(draft).rename(place)
            Path(draft).mkdir()
    return place / "node_modules"
