"""`python -m edge_runtime run`: starts loading a hub, then loads what runs it, both at the same time."""

from __future__ import annotations

import os
from collections.abc import Sequence

from edge_runtime.early_hub import EarlyHub
from edge_runtime.state_folder import StateFolder
from edge_runtime.supervisor.options import parse


def main(arguments: Sequence[str]) -> int:
    """The exit codes are those of `--help`."""
    options = parse(arguments)
    _fill_standard_descriptors()
    early = EarlyHub(options.state, StateFolder(options.state).hub_configuration)
    try:
        # Only now: it takes half a second.
        from edge_runtime.supervisor.run_command import run_to_end  # noqa: PLC0415

        return run_to_end(options, early)
    finally:
        early.end_unless_begun()


def _fill_standard_descriptors() -> None:
    """With standard output closed the next file would take its number and be written into."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
