"""Which running device a command means, and how to reach its hub."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from edge_runtime.state_folder import StateFolder, default_folder
from edge_runtime.supervisor.control_client import ControlClient


class NotRunningError(Exception):
    """The device does not run; the message says where it was looked for."""


def add_device_options(parser: argparse.ArgumentParser) -> None:
    """`--state DIR` or `--device NAME`."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--state", help="the runtime's state folder")
    place.add_argument("--device", default="edge", help="the device's name (default: edge)")


def control_client(options: argparse.Namespace) -> ControlClient:
    """The control API of the device. Raises NotRunningError."""
    return ControlClient(endpoints(options)["control"])


def endpoints(options: argparse.Namespace) -> dict[str, Any]:
    """STATE/endpoints.json of the device, `control` as a path. Raises NotRunningError."""
    folder = StateFolder(Path(options.state) if options.state else default_folder(options.device))
    try:
        document = json.loads(folder.endpoints.read_text())
        return {**document, "control": Path(document["control"])}
    except (OSError, ValueError, KeyError, TypeError):
        raise NotRunningError(
            f"no device runs in {folder.path} ({folder.endpoints.name} is missing); "
            "start it with run, or name its folder with --state or --device"
        ) from None


def json_argument(text: str) -> object:
    """A JSON value given on the command line."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from None
