"""The state folder: how one deciding process and its workers tell each other what is and what was counted.

`decided.json` is written by whoever holds the lock on `baton`, `worker-NAME.json` by that worker alone, each as a
whole by rename (`at-work-NAME.json` is another matter: see `at_work`). So a reader never sees half a document and
waits for nobody, and a worker that starts later, or again, finds the same plan and the same decisions as all others.
The folder belongs in memory (tmpfs, `emptyDir`); nothing in it outlives the service.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from serving.flighting.at_work import AtWork, Companions
from serving.flighting.plan import FlightPlan
from serving.flighting.tally import Tally
from serving.flighting.verdict import Verdict

_DECIDED = "decided.json"
_REPORT = "worker-{}.json"
_AT_WORK = "at-work-{}.json"


class _Document(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class FoundBundle(_Document):
    """A bundle that was proven; `sha256` is the model file's."""

    folder: Path
    name: str
    version: str
    sha256: str


class Decided(_Document):
    """What holds for every worker: the accepted plan, and which of its candidates were taken back.

    revision: 1 for the first plan of this service, one more for each that was accepted since.
    refused: why the plan that now lies in the file is not the accepted one; None if it is.
    """

    revision: int
    plan: FlightPlan
    bundles: Mapping[str, FoundBundle]
    rolled_back: Mapping[str, Verdict] = {}
    refused: str | None = None


class Report(_Document):
    """What a worker says: the decision that it serves, its numbers under it, and why it serves no later one."""

    worker: str
    pid: int
    revision: int
    rolled_back: Sequence[str] = ()
    tallies: Mapping[str, Tally]
    failed: str | None = None


class StateFolder:
    """Reads and writes the documents in a folder that exists."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def decide(self, decided: Decided) -> None:
        self._write(_DECIDED, decided)

    def decided_mark(self) -> tuple[int, int]:
        """Another value after each `decide`. Raises OSError when nothing was decided yet."""
        found = (self.path / _DECIDED).stat()
        return found.st_ino, found.st_mtime_ns

    def decided(self) -> Decided:
        """Raises OSError when nothing was decided yet."""
        return Decided.model_validate_json((self.path / _DECIDED).read_bytes())

    def report(self, report: Report) -> None:
        self._write(_REPORT.format(report.worker), report)

    def reports(self) -> Iterator[Report]:
        """Of every worker that ever reported; those that have ended count on."""
        for file in sorted(self.path.glob(_REPORT.format("*"))):
            try:
                yield Report.model_validate_json(file.read_bytes())
            except (
                FileNotFoundError,
                ValidationError,
            ):  # dropped since, or of another version of this program
                continue

    def totals(self, decided: Decided) -> dict[str, Tally]:
        """By variant, what all workers counted under the revision of `decided`."""
        totals = dict.fromkeys((variant.name for variant in decided.plan.variants), Tally())
        for report in self.reports():
            if report.revision == decided.revision:
                for name, tally in report.tallies.items():
                    totals[name] += tally
        return totals

    def at_work(self, worker: str) -> AtWork:
        """Where a worker writes which candidates it is with."""
        return AtWork(self.path / _AT_WORK.format(worker))

    def crashes(self, decided: Decided, within_s: float) -> Counter[str]:
        """By variant, how many workers are gone that were with it, under the revision of `decided`, so lately."""
        crashes: Counter[str] = Counter()
        for file in self.path.glob(_AT_WORK.format("*")):
            try:
                found = Companions.model_validate_json(file.read_bytes())
                age_s = time.time() - file.stat().st_mtime
            except (FileNotFoundError, ValidationError):
                continue
            if age_s <= within_s and not is_there(found.pid):
                crashes.update(name for revision, name in found.candidates if revision == decided.revision)
        return crashes

    def baton(self) -> IO[bytes]:
        """A file to lock; the kernel lets the lock go when its holder ends, however it ends."""
        return (self.path / "baton").open("ab")

    def _write(self, name: str, document: _Document) -> None:
        # A name that starts with a dot is no report, and one a process: two writers never share it.
        temporary = self.path / f".{name}.{os.getpid()}"
        temporary.write_text(document.model_dump_json(by_alias=True), encoding="utf-8")
        temporary.replace(self.path / name)


def is_there(pid: int) -> bool:
    """Whether there is such a process."""
    return Path(f"/proc/{pid}").exists()
