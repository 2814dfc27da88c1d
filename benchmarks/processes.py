"""What processes of this machine use, from /proc: processor time, memory, and how often they wake up."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """One reading of one process, or the difference of two.

    `cpu_s`: user and system, of all its threads, also of those that have ended, to 10 ms each. `wakeups`: how often
    its present threads went to sleep of their own accord; a thread that ended between two readings is missing.
    """

    cpu_s: float
    wakeups: int
    rss_bytes: int
    peak_rss_bytes: int

    @classmethod
    def of(cls, pid: int) -> Self:
        """Read it now. Raises ProcessLookupError when there is no such process."""
        process = Path("/proc") / str(pid)
        try:
            # the second field, the command, may itself hold blanks and brackets
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            memory = _fields(process / "status")
            threads = list((process / "task").iterdir())
        except (FileNotFoundError, ProcessLookupError):
            raise ProcessLookupError(f"process {pid} has ended") from None
        if "VmRSS" not in memory:
            raise ProcessLookupError(f"process {pid} has ended")
        return cls(
            cpu_s=(int(fields[11]) + int(fields[12])) / _TICKS_PER_S,
            wakeups=sum(map(_switches, threads)),
            rss_bytes=memory["VmRSS"] * 1024,
            peak_rss_bytes=memory["VmHWM"] * 1024,
        )

    def since(self, earlier: Usage) -> Usage:
        """What was used between the two readings; memory as it is now."""
        return Usage(
            cpu_s=self.cpu_s - earlier.cpu_s,
            wakeups=self.wakeups - earlier.wakeups,
            rss_bytes=self.rss_bytes,
            peak_rss_bytes=self.peak_rss_bytes,
        )


def _switches(thread: Path) -> int:
    try:
        return _fields(thread / "status")["voluntary_ctxt_switches"]
    except (FileNotFoundError, ProcessLookupError, KeyError):  # it has ended since the folder was read
        return 0


def _fields(status: Path) -> dict[str, int]:
    pairs = (line.split(":", 1) for line in status.read_text().splitlines())
    return {name: int(words[0]) for name, value in pairs if (words := value.split()) and words[0].isdecimal()}
