"""`python -m edge_runtime metrics`: where Prometheus finds a running device's metrics."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from edge_runtime.supervisor.device_option import NotRunningError, add_device_options, endpoints

_WIDE = 240
"""Columns where nobody looks at a terminal: an address is never cut in two."""


def main(arguments: Sequence[str]) -> int:
    """0; 1 when the device does not run."""
    parser = argparse.ArgumentParser(
        prog="python -m edge_runtime metrics",
        description="Show where edgeHub, edgeAgent and each module of a running device serve /metrics.",
        epilog="exit codes: 0 shown; 1 the device does not run; 2 wrong arguments",
    )
    parser.add_argument(
        "--file-sd",
        action="store_true",
        help="as the JSON of Prometheus' file_sd_configs, with the labels edge_device and module",
    )
    add_device_options(parser)
    options = parser.parse_args(arguments)
    try:
        document = endpoints(options)
    except NotRunningError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if options.file_sd:
        sys.stdout.write(json.dumps(target_groups(document), indent=2) + "\n")
    else:
        table = Table("module", "metrics")
        for module, address in sorted(document["metrics"].items()):
            table.add_row(module, f"http://{address}/metrics")
        (Console() if sys.stdout.isatty() else Console(width=_WIDE)).print(table)
    return 0


def target_groups(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A group for each address of endpoints.json, in the order of names.

    https://prometheus.io/docs/prometheus/latest/configuration/configuration/#file_sd_config
    """
    return [
        {"targets": [address], "labels": {"edge_device": document["device"], "module": module}}
        for module, address in sorted(document["metrics"].items())
    ]
