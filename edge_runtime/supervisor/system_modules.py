"""edgeAgent and edgeHub as `$edgeAgent` reports them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from edge_runtime.agent.module import NEVER, ModuleState, utc_now
from edge_runtime.agent.reported import DesiredStatus, document
from edge_runtime.agent.restart import RuntimeStatus
from edge_runtime.manifest import ModuleSpec


class SystemModules:
    """Follows the hub's process; the agent is this process."""

    def __init__(self, specs: Sequence[ModuleSpec]) -> None:
        self._specs: dict[str, ModuleSpec] = {}
        self.desire(specs)
        self._began = utc_now()
        self._hub = ModuleState("edgeHub", RuntimeStatus.UNKNOWN, "starting")

    def desire(self, specs: Sequence[ModuleSpec]) -> None:
        """What the deployment says of them: the runtime stands in for any image, and reports the one that is wanted."""
        self._specs = {spec.name: spec for spec in specs}

    def hub_started(self) -> None:
        """The hub is ready."""
        now = utc_now()
        again = self._hub.exited_at != NEVER
        self._hub = ModuleState(
            name="edgeHub",
            status=RuntimeStatus.RUNNING,
            description="running",
            exit_code=self._hub.exit_code,
            restart_count=self._hub.restart_count + again,
            started_at=now,
            exited_at=self._hub.exited_at,
            restarted_at=now if again else NEVER,
        )

    def hub_exited(self, code: int) -> None:
        """The hub has ended without being asked to."""
        self._hub = ModuleState(
            name="edgeHub",
            status=RuntimeStatus.FAILED,
            description=f"exit code {code}",
            exit_code=code,
            restart_count=self._hub.restart_count,
            started_at=self._hub.started_at,
            exited_at=utc_now(),
            restarted_at=self._hub.restarted_at,
        )

    def document(
        self, specs: Mapping[str, ModuleSpec], states: Mapping[str, ModuleState], desired: DesiredStatus
    ) -> dict[str, Any]:
        """The whole reported section."""
        agent = ModuleState("edgeAgent", RuntimeStatus.RUNNING, f"pid {os.getpid()}", started_at=self._began)
        own = {"edgeAgent": agent, "edgeHub": self._hub}
        system = {name: (self._spec(name), state) for name, state in own.items()}
        return document(specs, states, system, desired)

    def _spec(self, name: str) -> ModuleSpec:
        return self._specs.get(name) or ModuleSpec(name=name, image="")
