"""What the camera reports of itself. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class CameraState:
    """The last `state`, `lastError` and `camera.progress` of its reported properties; empty: none."""

    state: str = ""
    error: str = ""
    progress: str = ""

    def take(self, patch: Mapping[str, Any]) -> str | None:
        """Take over a patch. Returns what is new and worth a line: progress or trouble."""
        before = (self.progress, self.error)
        self.state = patch.get("state") or self.state
        if "lastError" in patch:
            self.error = patch["lastError"] or ""
        camera = patch.get("camera") or {}
        if "progress" in camera:
            self.progress = camera["progress"] or ""
        if self.progress and self.progress != before[0]:
            return self.progress
        return self.error if self.error and self.error != before[1] else None
