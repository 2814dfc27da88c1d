"""Resident memory of the solution's processes, from /proc."""

from __future__ import annotations

import json
from pathlib import Path

RUNTIME = "edge_runtime"


class MemoryPeaks:
    """Highest resident memory of each process, in MB (10^6 bytes); the runtime's processes are summed."""

    def __init__(self, state: Path) -> None:
        self._registry = state / "processes.json"
        self._peaks: dict[str, dict[str, float]] = {}

    def sample(self) -> None:
        """Read the peaks again; a process that has ended keeps its last one."""
        try:
            registry = json.loads(self._registry.read_text())
        except (OSError, ValueError):
            return
        for part in ("supervisor", "hub"):
            if registry.get(part):
                self._note(RUNTIME, part, registry[part]["pid"])
        for name, process in registry.get("modules", {}).items():
            self._note(name, name, process["pid"])

    def megabytes(self) -> dict[str, float]:
        return {name: round(sum(parts.values()), 1) for name, parts in self._peaks.items()}

    def _note(self, name: str, part: str, pid: int) -> None:
        peak = _peak_mb(pid)
        if peak is not None:
            # A process that was started again replaces its predecessor: the larger of the two counts.
            parts = self._peaks.setdefault(name, {})
            parts[part] = max(peak, parts.get(part, 0.0))


def _peak_mb(pid: int) -> float | None:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return None
