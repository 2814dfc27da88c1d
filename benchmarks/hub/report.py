"""What a run found, as tables for people and as a document for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from benchmarks.hub.backlog import Backlog
from benchmarks.hub.scenarios import HUB, REFERENCE, SCENARIOS, Measured

MB = 1_000_000
TARGETS: Mapping[str, Mapping[str, float]] = {
    "sdk": {"out": 1900, "ratio": 0.8},
    "raw": {"in": 15_000, "out": 15_000},
    "raw-500": {"p99": 3.0},
}
"""Of the hub, by scenario: at least that many messages a second and that ratio, at most that latency in ms."""
BACKLOG_TARGETS: Mapping[str, float] = {"raw client": 20_000, "local IoT Hub": 5000}
"""Drained messages a second, at least."""
MAX_RSS_BYTES = 100 * MB
MAX_REOPEN_S = 1.0


def flow_table(measured: Sequence[Measured], caption: str) -> Table:
    """One row for each broker of each scenario."""
    made = Table(caption=caption, caption_justify="left")
    made.add_column("clients", no_wrap=True)
    made.add_column("broker", no_wrap=True)
    for heading in (
        "messages/s\nout (range)", "in", f"ratio to\n{REFERENCE}", "p50\nms", "p99\nms",
        "CPU us/\nmessage", "CPU\ncores", "RSS\nMB", "faults",
    ):  # fmt: skip
        made.add_column(heading, justify="right")
    made.add_column("target")
    for number, row in enumerate(measured):
        made.add_row(*_row(row, _reference(row, measured)))
        if number + 1 < len(measured) and measured[number + 1].scenario != row.scenario:
            made.add_section()
    return made


def _row(row: Measured, reference: Measured | None) -> list[str]:
    ratios = row.ratios(reference) if reference is not None and reference is not row else []
    title = SCENARIOS[row.scenario].title
    if row.median("out") is None:
        return [title, row.broker, f"failed: {row.failures[0][:60]}", *["-"] * 9]
    rss = row.median("rss")
    return [
        title,
        row.broker,
        f"{_number(row.median('out'))} ({_range(row.values('out'), '.0f')})",
        _number(row.median("in")),
        f"{_middle(ratios):.2f} ({_range(ratios, '.2f')})" if ratios else "-",
        _number(row.median("p50"), ".2f"),
        _number(row.median("p99"), ".2f"),
        _number(row.median("cpu_us")),
        _number(row.median("cpu"), ".2f"),
        "-" if rss is None else f"{rss / MB:.0f}",
        str(row.faults),
        _verdict(missed(row, reference)) if row.broker == HUB else "",
    ]


def missed(row: Measured, reference: Measured | None) -> list[str] | None:
    """Targets that the hub does not reach; None where there are none."""
    targets = TARGETS.get(row.scenario)
    if targets is None:
        return None
    wrong = []
    for name, target in targets.items():
        values = row.ratios(reference) if name == "ratio" and reference else row.values(name)
        if not values:
            continue
        value = _middle(values)
        if (value > target) if name == "p99" else (value < target):
            wrong.append(f"{name} {value:.5g}, target {target:g}")
    return wrong


def backlog_table(found: Sequence[Backlog]) -> Table:
    """One row for each way in which a backlog was drained."""
    made = Table(
        caption="1 KiB messages. Reopened: from the start of the new process until it is ready, after a kill -9 with "
        "the backlog in the store. RSS: the hub's peak while it wrote and drained. MB: 1,000,000 bytes.",
        caption_justify="left",
    )
    made.add_column("backlog drained to", no_wrap=True)
    for heading in ("messages", "written/s", "reopened\ns", "drained/s", "peak RSS\nMB", "faults"):
        made.add_column(heading, justify="right")
    made.add_column("target")
    for backlog in found:
        made.add_row(
            backlog.drained_to,
            f"{backlog.messages:,}",
            f"{backlog.written:,.0f}",
            f"{backlog.reopen_s:.2f}",
            f"{backlog.drained:,.0f}",
            f"{backlog.peak_rss / MB:.0f}",
            str(backlog.faults),
            _verdict(missed_backlog(backlog)),
        )
    return made


def missed_backlog(backlog: Backlog) -> list[str]:
    """Targets that the hub does not reach."""
    wrong = []
    if backlog.drained < BACKLOG_TARGETS[backlog.drained_to]:
        wrong.append(f"drained {backlog.drained:.0f}, target {BACKLOG_TARGETS[backlog.drained_to]:g}")
    if backlog.peak_rss > MAX_RSS_BYTES:
        wrong.append(f"RSS {backlog.peak_rss / MB:.0f}, target {MAX_RSS_BYTES / MB:g}")
    if backlog.reopen_s > MAX_REOPEN_S:
        wrong.append(f"reopened {backlog.reopen_s:.2f}, target {MAX_REOPEN_S:g}")
    return wrong


def document(
    measured: Sequence[Measured], backlogs: Sequence[Backlog], about: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything, each round by itself."""
    flows = []
    for row in measured:
        reference = _reference(row, measured)
        flows.append(
            {
                "scenario": row.scenario,
                "broker": row.broker,
                "rounds": list(row.rounds),
                "failures": list(row.failures),
                "ratios": row.ratios(reference) if reference is not None else [],
                "faults": row.faults,
                "targetsMissed": missed(row, reference) if row.broker == HUB else None,
            }
        )
    drained = [{**asdict(backlog), "targetsMissed": missed_backlog(backlog)} for backlog in backlogs]
    return {**about, "flows": flows, "backlogs": drained}


def _reference(row: Measured, measured: Sequence[Measured]) -> Measured | None:
    return next((m for m in measured if (m.scenario, m.broker) == (row.scenario, REFERENCE)), None)


def _verdict(wrong: list[str] | None) -> str:
    return "" if wrong is None else "\n".join(wrong) or "met"


def _number(value: float | None, form: str = ",.0f") -> str:
    return "-" if value is None else format(value, form)


def _middle(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def _range(values: Sequence[float], form: str) -> str:
    return f"{min(values):{form}}-{max(values):{form}}"
