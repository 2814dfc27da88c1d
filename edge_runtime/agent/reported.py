"""`$edgeAgent`'s reported properties (spec D.3), and the patch from one state to the next.

Left out on purpose: `env` and `createOptions`, which may hold secrets and would reach every observer.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge_runtime import version
from edge_runtime.agent.module import NEVER, ModuleState
from edge_runtime.manifest import ModuleSpec

VERSION = version.VERSION
OK = 200
UNREADABLE = 400
AGENT_DOWN = 406
UNSUPPORTED_SCHEMA = 412
NO_DEPLOYMENT = 417
STEP_FAILED = 500


@dataclass(frozen=True, slots=True)
class DesiredStatus:
    """How the last deployment went (spec D.3): one of the codes above, and the reason when it is not 200."""

    version: int
    code: int = 200
    description: str = ""

    def after(self, problems: Mapping[str, str]) -> DesiredStatus:
        """What becomes of it when steps of the plan failed: for a module each, the reason."""
        if self.code != OK or not problems:
            return self
        told = "; ".join(f"{module}: {reason}" for module, reason in problems.items())
        return DesiredStatus(self.version, STEP_FAILED, told)

    def stopped(self) -> DesiredStatus:
        """As it is while no agent runs."""
        return DesiredStatus(self.version, AGENT_DOWN, "Agent is not running")


def document(
    specs: Mapping[str, ModuleSpec],
    states: Mapping[str, ModuleState],
    system: Mapping[str, tuple[ModuleSpec, ModuleState]],
    desired: DesiredStatus,
) -> dict[str, Any]:
    """The whole section. `system` holds `edgeAgent` and `edgeHub`."""
    return {
        "schemaVersion": "1.0",
        "version": {"version": VERSION, "build": "", "commit": ""},
        "lastDesiredVersion": desired.version,
        "lastDesiredStatus": {"code": desired.code, "description": desired.description},
        "runtime": {
            "type": "docker",
            "settings": {},
            "platform": {"os": "linux", "architecture": platform.machine(), "version": os.uname().release},
        },
        "systemModules": {
            name: _entry(spec, state, agent=name == "edgeAgent") for name, (spec, state) in system.items()
        },
        "modules": {name: _entry(specs[name], state) for name, state in states.items() if name in specs},
    }


def _entry(spec: ModuleSpec, state: ModuleState, *, agent: bool = False) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "type": "docker",
        "imagePullPolicy": spec.image_pull_policy,
        "settings": {"image": spec.image, "imageHash": ""},
        "exitCode": state.exit_code,
        "statusDescription": state.description,
        "lastStartTimeUtc": state.started_at,
        "lastExitTimeUtc": state.exited_at,
        "runtimeStatus": state.status.value,
    }
    if not agent:
        entry |= {
            "version": spec.version,
            "status": spec.status,
            "restartPolicy": spec.restart_policy,
            "startupOrder": spec.startup_order,
            "restartCount": state.restart_count,
            "lastRestartTimeUtc": state.restarted_at,
        }
    return entry


__all__ = ["NEVER", "DesiredStatus", "document"]
