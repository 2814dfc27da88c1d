"""`python -m edge_runtime running`: what runs on this machine."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from edge_runtime.supervisor.running_devices import RunningDevice, running_devices

_WIDE = 240
"""Columns where nobody looks at a terminal: a path is never cut in two."""


def main(arguments: Sequence[str]) -> int:
    """0; 1 when nothing runs."""
    parser = argparse.ArgumentParser(
        prog="python -m edge_runtime running",
        description="List the devices of this user that run on this machine.",
        epilog="exit codes: 0 listed; 1 none runs; 2 wrong arguments",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document a line")
    options = parser.parse_args(arguments)
    devices = running_devices()
    if options.json:
        sys.stdout.writelines(json.dumps(_document(device)) + "\n" for device in devices)
    elif devices:
        _show(devices)
    else:
        sys.stderr.write("no device runs; start one: python -m edge_runtime run MANIFEST_OR_TEMPLATE\n")
    return 0 if devices else 1


def _show(devices: Sequence[RunningDevice]) -> None:
    table = Table("device", "address", "run", "modules that run", "state folder")
    for device in devices:
        supervisor = f"pid {device.supervisor}" if device.supervisor else "killed"
        modules = ", ".join(device.modules) or "none"
        table.add_row(device.name, device.address, supervisor, modules, str(device.state))
    console = Console() if sys.stdout.isatty() else Console(width=_WIDE)
    console.print(table)


def _document(device: RunningDevice) -> dict[str, object]:
    return {
        "device": device.name,
        "address": device.address,
        "state": str(device.state),
        "supervisor": device.supervisor,
        "hub": device.hub,
        "modules": list(device.modules),
    }
