"""`STATE/processes.json`: what a later run needs to find the processes of one that was killed."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edge_runtime.agent.kernel import ProcessId

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class ProcessRegistry:
    """Who runs. Each change is on disk when the call returns, unless the disk is full: then it is told."""

    path: Path
    supervisor: ProcessId | None = None
    hub: ProcessId | None = None
    modules: dict[str, ProcessId] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> ProcessRegistry:
        """What an earlier run left; empty when there is nothing, or nothing that can be read."""
        try:
            document = json.loads(path.read_text())
            return cls(
                path,
                supervisor=_process(document.get("supervisor")),
                hub=_process(document.get("hub")),
                modules={name: ProcessId(**entry) for name, entry in document.get("modules", {}).items()},
            )
        except FileNotFoundError:
            return cls(path)
        except (OSError, ValueError, TypeError, AttributeError) as error:
            _log.warning("%s cannot be read (%s); processes are found by their environment", path, error)
            return cls(path)

    def record_hub(self, process: ProcessId | None) -> None:
        """The hub that runs now."""
        self.hub = process
        self.save()

    def record_module(self, name: str, process: ProcessId | None) -> None:
        """The module's process that runs now; None: it has ended."""
        if process is None:
            self.modules.pop(name, None)
        else:
            self.modules[name] = process
        self.save()

    def save(self) -> None:
        """Replace the file in one step, so that no reader ever sees half of it."""
        document: dict[str, Any] = {
            "supervisor": asdict(self.supervisor) if self.supervisor else None,
            "hub": asdict(self.hub) if self.hub else None,
            "modules": {name: asdict(process) for name, process in sorted(self.modules.items())},
        }
        draft = self.path.with_suffix(".tmp")
        try:
            draft.write_text(json.dumps(document, indent=2) + "\n")
            draft.replace(self.path)
        except OSError as error:
            # The modules must not end with the disk's space.
            _log.error(
                "%s cannot be written (%s); processes are found by their environment", self.path, error
            )

    def remove(self) -> None:
        """Nothing runs any more."""
        self.path.unlink(missing_ok=True)


def _process(entry: Any) -> ProcessId | None:
    return ProcessId(**entry) if entry else None
