"""The catalogue as a table in Markdown: what docs/doctor.md holds and `check --rules` prints."""

from __future__ import annotations

from edge_runtime.manifest import route_rules, rules
from edge_runtime.manifest.problem import Rule

RULES = {
    rule.id: rule
    for module in (rules, route_rules)
    for rule in vars(module).values()
    if isinstance(rule, Rule)
}


def rule_table() -> str:
    """One row a rule, in the order of the catalogue."""
    rows = [(f"`{r.id}`", r.severity.value, r.finds, r.why, r.mend) for r in RULES.values()]
    heads = ("id", "severity", "what it finds", "why it matters", "mend")
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)
