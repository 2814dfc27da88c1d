"""edgeAgent's built-in metrics under edgeAgent's names (spec D.6)."""

from __future__ import annotations

import json
import os
import platform
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from edge_runtime.agent.engine import Resources
from edge_runtime.agent.machine import Machine
from edge_runtime.agent.measurements import Measurements, Samples
from edge_runtime.agent.reported import VERSION
from edge_runtime.exposition import Distribution, Family, render

_SYSTEM_MODULES = frozenset({"edgeAgent", "edgeHub"})
_HOST = "host"
# On what IoT Edge's own telemetry would send to its makers.
_TOLD, _NOT_TOLD = {"ms_telemetry": "True"}, {"ms_telemetry": "False"}
_NO_VALUES = Distribution(0, 0.0, Samples().distribution().quantiles)
_LEAST_S = 0.5
Labels = Mapping[str, str]
Values = Iterable[tuple[Labels, float | Distribution]]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the engine and the kernel say at one moment. `at` is seconds of a monotonic clock."""

    at: float
    machine: Machine
    modules: Mapping[str, Resources]


@dataclass(slots=True)
class _Processors:
    """From two readings the part of all processors that was used between them, in percent.

    One that follows another within half a second is passed over: several ask, and each would count the same.
    """

    used: defaultdict[str, Samples] = field(default_factory=lambda: defaultdict(Samples))
    before: Reading | None = None

    def take(self, now: Reading) -> None:
        if self.before is not None and now.at - self.before.at < _LEAST_S:
            return
        before, self.before = self.before, now
        if before is None or now.machine.total_s <= before.machine.total_s:
            return
        total_s = now.machine.total_s - before.machine.total_s
        spent = {_HOST: now.machine.busy_s - before.machine.busy_s}
        for name, resources in now.modules.items():
            if name in before.modules:
                spent[name] = resources.cpu_s - before.modules[name].cpu_s
        for name, seconds in spent.items():
            # Less than before: a new process has the name.
            if seconds >= 0:
                self.used[name].add(min(100.0, 100 * seconds / total_s))


class AgentMetrics:
    """`instance` tells one start of the agent from the next."""

    def __init__(self, measurements: Measurements, iothub: str, device: str, instance: str) -> None:
        self._measured = measurements
        self._common = {"iothub": iothub, "edge_device": device, "instance_number": instance}
        self._processors = _Processors()

    def text(self, reading: Reading) -> str:
        """All families in Prometheus' text format."""
        self._processors.take(reading)
        families = [
            *self._modules(),
            *self._commands(),
            *self._machine(reading),
            *self._resources(reading),
            self._metadata(),
        ]
        methods = [({"method_name": name}, count) for name, count in sorted(self._measured.methods.items())]
        called = Family(
            "edgeagent_direct_method_invocations_count",
            "counter",
            "Calls of built-in direct methods",
            methods,
        )
        return render(families, self._common) + render([called], {})

    def _modules(self) -> Iterator[Family]:
        known = self._measured.availability()
        running = [(_module(name), known[name].running_s) for name in known]
        expected = [(_module(name), known[name].expected_s) for name in known]
        yield _gauge(
            "total_time_running_correctly_seconds", "Time that a module was to run, and did", running
        )
        yield _gauge("total_time_expected_running_seconds", "Time that a module was to run", expected)
        for name, counts, what in (
            ("module_start_total", self._measured.starts, "Times that a module was started"),
            ("module_stop_total", self._measured.stops, "Times that a module was stopped"),
            ("module_prepare_update_total", self._measured.updates, "Times that a module was made ready"),
        ):
            yield _counter(
                name,
                what,
                [
                    ({"module_name": module, "module_version": version, **_TOLD}, count)
                    for (module, version), count in sorted(counts.items())
                ],
            )

    def _commands(self) -> Iterator[Family]:
        latencies = [
            ({"command": command, **_TOLD}, samples.distribution())
            for command, samples in sorted(self._measured.latencies.items())
        ]
        yield _summary("command_latency_seconds", "Time that the engine took for a command", latencies)
        deployments = [(_TOLD, self._measured.deployments.distribution())]
        yield _summary("deployment_time_seconds", "Time until a new deployment was in place", deployments)
        syncs, failed = self._measured.syncs, self._measured.failed_syncs
        yield _counter("iothub_syncs_total", "Readings of the desired properties", [(_TOLD, syncs)])
        yield _counter("unsuccessful_iothub_syncs_total", "Those of them that failed", [(_TOLD, failed)])

    def _machine(self, reading: Reading) -> Iterator[Family]:
        machine, disk = reading.machine, reading.machine.disk
        labels = {
            "disk_name": disk.name,
            "disk_filesystem": disk.file_system,
            "disk_filetype": disk.kind,
            **_TOLD,
        }
        up_s = reading.at - self._measured.began
        yield _gauge("host_uptime_seconds", "Time since the machine's start", [(_TOLD, machine.uptime_s)])
        yield _gauge("iotedged_uptime_seconds", "Time since the runtime's start", [(_TOLD, up_s)])
        free = [(labels, disk.available_bytes)]
        yield _gauge("available_disk_space_bytes", "Space left on the disk of the state folder", free)
        yield _gauge(
            "total_disk_space_bytes", "Size of the disk of the state folder", [(labels, disk.total_bytes)]
        )

    def _resources(self, reading: Reading) -> Iterator[Family]:
        host, modules = reading.machine, reading.modules
        used: Values = [
            (_module(_HOST), host.used_memory_bytes),
            *((_module(name), one.memory_bytes) for name, one in modules.items()),
        ]
        limits: Values = [
            (_module(_HOST), host.memory_bytes),
            *((_module(name), one.memory_limit_bytes) for name, one in modules.items()),
        ]
        yield _gauge("used_memory_bytes", "Memory in use", used)
        yield _gauge("total_memory_bytes", "Memory that may be used", limits)
        shares: Values = [
            (
                _module(name),
                self._processors.used[name].distribution() if name in self._processors.used else _NO_VALUES,
            )
            for name in (_HOST, *modules)
        ]
        yield _summary("used_cpu_percent", "Part of all processors used between two readings", shares)
        for name, what, values in (
            ("created_pids_total", "Processes and threads", {n: m.processes for n, m in modules.items()}),
            ("total_network_in_bytes", "Bytes received", {n: m.network_in_bytes for n, m in modules.items()}),
            ("total_network_out_bytes", "Bytes sent", {n: m.network_out_bytes for n, m in modules.items()}),
            ("total_disk_read_bytes", "Bytes read", {n: m.disk_read_bytes for n, m in modules.items()}),
            (
                "total_disk_write_bytes",
                "Bytes written",
                {n: m.disk_written_bytes for n, m in modules.items()},
            ),
        ):
            known = [({"module_name": n, **_NOT_TOLD}, v) for n, v in values.items() if v is not None]
            yield _gauge(name, what, known)

    def _metadata(self) -> Family:
        host = {
            "OperatingSystemType": "linux",
            "Architecture": platform.machine(),
            "Version": VERSION,
            "KernelVersion": os.uname().release,
            "NumCpus": os.cpu_count(),
        }
        labels = {
            "edge_agent_version": VERSION,
            "experimental_features": "{}",
            "host_information": json.dumps(host),
            **_TOLD,
        }
        return _gauge("metadata", "What the device is; the value is always 0", [(labels, 0)])


def _module(name: str) -> Labels:
    return {"module_name": name, **(_TOLD if name in _SYSTEM_MODULES or name == _HOST else _NOT_TOLD)}


def _gauge(name: str, help_text: str, values: Values) -> Family:
    return Family(f"edgeAgent_{name}", "gauge", help_text, values)


def _counter(name: str, help_text: str, values: Values) -> Family:
    return Family(f"edgeAgent_{name}", "counter", help_text, values)


def _summary(name: str, help_text: str, values: Values) -> Family:
    return Family(f"edgeAgent_{name}", "summary", help_text, values)
