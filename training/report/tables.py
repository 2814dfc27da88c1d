"""Markdown tables and numbers as the page prints them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

NOTHING = "–"  # noqa: RUF001 - an en dash, as tables print what was not measured


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 1) -> str:
    """A GitHub table; the first `words` columns hold words, the others numbers, which stand at the right."""
    marks = ["---"] * words + ["---:"] * (len(header) - words)
    lines = [header, marks, *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def share(value: float | None) -> str:
    """A share of pictures, such as top-1, with four digits."""
    return NOTHING if value is None else f"{value:.4f}"


def number(value: float | None, digits: int) -> str:
    return NOTHING if value is None else f"{value:,.{digits}f}"


def standard_error(top1: float, n: int) -> float:
    """Of a share of n pictures: sqrt(p (1 - p) / n)."""
    return math.sqrt(top1 * (1 - top1) / n)
