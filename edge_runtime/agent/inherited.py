"""What each process of a runtime finds in its environment, whatever else it is given."""

from __future__ import annotations

import os
import sys
from pathlib import Path

MARK = "EDGE_RUNTIME_STATE"
"""Environment variable that each process of a runtime carries: the runtime's state folder."""

_KEPT = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")


def inherited() -> dict[str, str]:
    """The little that comes from the user's own environment, never a secret: PATH, HOME, locale, time zone.

    The running interpreter's folder leads PATH, so that a module's `python3` has its packages.
    """
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    path = os.environ.get("PATH", os.defpath)
    return {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{path}", **kept}
