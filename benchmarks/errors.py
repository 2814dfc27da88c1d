"""What keeps a benchmark from being measured."""

from __future__ import annotations


class BenchmarkError(Exception):
    """An option, a file or a machine with which the benchmark cannot run; the message names it and the mend."""
