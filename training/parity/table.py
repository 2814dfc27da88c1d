"""The comparisons as tables for people."""

from __future__ import annotations

from rich.console import Console, Group
from rich.table import Table

from training.parity.compare import Comparison


def show(found: Comparison, console: Console) -> None:
    bundle = found.bundle
    console.print(f"[bold]{bundle.name} {bundle.version}[/bold]  sha256 {bundle.sha256[:12]}")
    parts = [_golden(found)]
    if found.agreements:
        parts.insert(0, _agreements(found))
    console.print(Group(*parts))
    for platform, checked in found.checks.items():
        console.print(f"check in the {platform} container: {checked.text.splitlines()[-1]}", highlight=False)
    for reason in found.not_asked:
        console.print(f"[yellow]not asked:[/yellow] {reason}", highlight=False)
    for problem in found.broken():
        console.print(f"[red]broken:[/red] {problem}", highlight=False)


def _agreements(found: Comparison) -> Table:
    table = Table(title="the same pictures", title_justify="left")
    table.add_column("first", overflow="fold")
    table.add_column("second", overflow="fold")
    for name in ("n", "same answer", "same tensor", "largest diff", "mean diff", "top-1"):
        table.add_column(name, justify="right")
    for row in found.agreements:
        differences = (f"{row.largest:.4f}", f"{row.mean:.5f}")
        right = f"{row.top1[0]:.4f}, {row.top1[1]:.4f}"
        table.add_row(
            row.first,
            row.second,
            str(row.n),
            f"{row.same_answer:.4f}",
            str(row.same_tensor),
            *differences,
            right,
        )
    return table


def _golden(found: Comparison) -> Table:
    table = Table(
        title=f"golden vectors: largest difference of a probability (tolerance {found.bundle.golden_tolerance})",
        title_justify="left",
    )
    table.add_column("vector")
    for runtime in found.golden:
        table.add_column(runtime, justify="right", overflow="fold")
    for number, vector in enumerate(found.bundle.golden_vectors):
        table.add_row(vector.name, *(f"{differences[number]:.4f}" for differences in found.golden.values()))
    return table
