"""edgeAgent's metrics: names, labels and what they tell (spec D.6-3)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from edge_runtime.agent.engine import Resources
from edge_runtime.agent.machine import Disk, Machine
from edge_runtime.agent.measurements import Measurements
from edge_runtime.agent.metrics import AgentMetrics, Reading

MACHINE = Machine(1000.0, 100.0, 400.0, 6, 10, Disk("sda1", "ext4", "SSD", 7, 9))
CAMERA = Resources(10.0, 5, 8, 3, 21, 22, 23, 24)
PROCESS = replace(CAMERA, network_in_bytes=None, network_out_bytes=None)
NAMES = """
total_time_running_correctly_seconds total_time_expected_running_seconds module_start_total module_stop_total
module_prepare_update_total command_latency_seconds iothub_syncs_total unsuccessful_iothub_syncs_total
deployment_time_seconds host_uptime_seconds iotedged_uptime_seconds available_disk_space_bytes total_disk_space_bytes
used_memory_bytes total_memory_bytes used_cpu_percent created_pids_total total_network_in_bytes
total_network_out_bytes total_disk_read_bytes total_disk_write_bytes metadata
"""


@dataclass
class Bench:
    """An agent's metrics at one moment after another."""

    now: float = 50.0

    def __post_init__(self) -> None:
        self.measured = Measurements(lambda: self.now)
        self.metrics = AgentMetrics(self.measured, "hub", "edge", "1f")

    def text(self, machine: Machine = MACHINE, **modules: Resources) -> str:
        return self.metrics.text(Reading(self.now, machine, modules))

    def values(self, machine: Machine = MACHINE, **modules: Resources) -> dict[str, float]:
        """By name and the labels that tell series apart, as a scraper reads them."""
        common = {"iothub", "edge_device", "instance_number", "ms_telemetry"}
        found = {}
        for family in text_string_to_metric_families(self.text(machine, **modules)):
            for sample in family.samples:
                own = [value for name, value in sample.labels.items() if name not in common]
                found[" ".join([sample.name.removeprefix("edgeAgent_"), *own])] = sample.value
        return found


def test_all_names_are_there_and_no_other() -> None:
    lines = Bench().text(camera=CAMERA).splitlines()
    types = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert sorted(types) == sorted(
        [*(f"edgeAgent_{name}" for name in NAMES.split()), "edgeagent_direct_method_invocations_count"]
    )


def test_common_labels_come_first_but_for_the_one_that_has_none() -> None:
    bench = Bench()
    bench.measured.methods["ping"] += 1
    series = [line for line in bench.text(camera=CAMERA).splitlines() if not line.startswith("#")]
    common = 'iothub="hub",edge_device="edge",instance_number="1f"'
    without = [line for line in series if f"{{{common}" not in line]
    assert without == ['edgeagent_direct_method_invocations_count{method_name="ping"} 1']


def test_what_the_agent_did_is_counted() -> None:
    bench = Bench()
    bench.measured.starts["camera", "1.0"] += 2
    bench.measured.stops["camera", "1.0"] += 1
    bench.measured.updates["camera", "1.0"] += 1
    bench.measured.synced(True)
    bench.measured.synced(False)
    bench.measured.deployment_began()
    with bench.measured.timed("create"):
        bench.now += 2
    bench.measured.deployment_done()
    bench.measured.see({"camera": True})
    bench.now += 3
    found = bench.values()
    expected = {
        "module_start_total camera 1.0": 2,
        "module_stop_total camera 1.0": 1,
        "module_prepare_update_total camera 1.0": 1,
        "iothub_syncs_total": 2,
        "unsuccessful_iothub_syncs_total": 1,
        "command_latency_seconds create 0.5": 2,
        "command_latency_seconds_count create": 1,
        "deployment_time_seconds_sum": 2,
        "total_time_running_correctly_seconds camera": 3,
        "total_time_expected_running_seconds camera": 3,
        "iotedged_uptime_seconds": 5,
    }
    assert {name: found.get(name) for name in expected} == expected


def test_what_machine_and_modules_use() -> None:
    expected = {
        "host_uptime_seconds": 1000,
        "available_disk_space_bytes sda1 ext4 SSD": 7,
        "total_disk_space_bytes sda1 ext4 SSD": 9,
        "used_memory_bytes host": 6,
        "total_memory_bytes host": 10,
        "used_memory_bytes camera": 5,
        "total_memory_bytes camera": 8,
        "created_pids_total camera": 3,
        "total_disk_read_bytes camera": 21,
        "total_disk_write_bytes camera": 22,
        "total_network_in_bytes camera": 23,
        "total_network_out_bytes camera": 24,
        "metadata": 0,
    }
    found = Bench().values(camera=CAMERA)
    assert {name: found.get(name, found.get(name.split()[0])) for name in expected if name != "metadata"} == {
        name: value for name, value in expected.items() if name != "metadata"
    }


def test_processes_that_share_the_machine_s_network_tell_nothing_of_it() -> None:
    assert not [name for name in Bench().values(camera=PROCESS) if "network" in name]


def test_processor_use_is_that_between_two_readings() -> None:
    bench = Bench()
    first = bench.values(camera=CAMERA)
    assert first["used_cpu_percent_count camera"] == 0
    bench.now += 5
    later = replace(MACHINE, busy_s=150.0, total_s=500.0)
    bench.values(later, camera=replace(CAMERA, cpu_s=35.0))
    found = bench.values(later, camera=replace(CAMERA, cpu_s=35.0))
    assert found["used_cpu_percent camera 0.5"] == pytest.approx(25.0)
    assert found["used_cpu_percent host 0.99"] == pytest.approx(50.0)
    assert found["used_cpu_percent_count camera"] == 1, "no time has passed for a second value"


def test_a_second_reader_does_not_add_readings_of_an_instant() -> None:
    """The live page asks each second, Prometheus in between."""
    bench = Bench()
    bench.text(camera=CAMERA)
    for step in range(1, 21):
        bench.now += 0.25
        now = replace(MACHINE, busy_s=MACHINE.busy_s + step, total_s=MACHINE.total_s + 2 * step)
        found = bench.values(now, camera=replace(CAMERA, cpu_s=CAMERA.cpu_s + step))
    assert found["used_cpu_percent_count camera"] == 10
    assert found["used_cpu_percent camera 0.5"] == pytest.approx(50.0)


def test_a_new_process_of_a_module_begins_anew() -> None:
    bench = Bench()
    bench.text(camera=CAMERA)
    bench.now += 5
    later = replace(MACHINE, busy_s=150.0, total_s=500.0)
    found = bench.values(later, camera=replace(CAMERA, cpu_s=1.0))
    assert found["used_cpu_percent_count camera"] == 0
    assert found["used_cpu_percent_count host"] == 1


def test_telemetry_of_the_runtime_is_marked() -> None:
    text = Bench().text(camera=CAMERA, edgeHub=CAMERA)
    marks = dict(
        re.findall(r'edgeAgent_used_memory_bytes\{.*module_name="(\w+)",ms_telemetry="(\w+)"\}', text)
    )
    assert marks == {"host": "True", "camera": "False", "edgeHub": "True"}


def test_the_host_is_described_as_json() -> None:
    [family] = [f for f in text_string_to_metric_families(Bench().text()) if f.name == "edgeAgent_metadata"]
    labels = family.samples[0].labels
    assert json.loads(labels["host_information"])["OperatingSystemType"] == "linux"
    assert json.loads(labels["experimental_features"]) == {}
    assert labels["edge_agent_version"]
