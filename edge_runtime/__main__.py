"""The command line. Each command imports what it needs and nothing else, so that `evaluate` is quick."""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Callable, Sequence

_COMMANDS = {
    "run": ("edge_runtime.supervisor.launch", "run a deployment on this machine"),
    "check": ("edge_runtime.manifest.check_command", "find what is wrong with a template or manifest"),
    "explain": ("edge_runtime.routing.explain_command", "which routes a message takes, and why"),
    "evaluate": ("edge_runtime.routing.evaluate", "evaluate route conditions in bulk, JSON lines in and out"),
    "events": ("edge_runtime.iothub.events_command", "show what arrived at the local IoT Hub"),
    "twin": ("edge_runtime.supervisor.twin_command", "show a module's twin, or change what is desired"),
    "method": ("edge_runtime.supervisor.method_command", "call a direct method of a module"),
    "modulecred": (
        "edge_runtime.supervisor.modulecred_command",
        "print what a module started by hand connects with",
    ),
    "device": (
        "edge_runtime.supervisor.device_command",
        "devices that connect through this one: add, list, remove",
    ),
    "c2d": ("edge_runtime.supervisor.c2d_command", "send a message to a device"),
    "devicecred": (
        "edge_runtime.supervisor.devicecred_command",
        "print what iotedgedev and iotedgehubdev connect with",
    ),
    "running": ("edge_runtime.supervisor.running_command", "list the devices that run on this machine"),
    "metrics": ("edge_runtime.supervisor.metrics_command", "list where Prometheus finds a device's metrics"),
    "hub": ("edge_runtime.hub_process", "the hub process (started by run)"),
}
_USAGE_EXIT_CODE = 2
_INTERRUPTED_EXIT_CODE = 130


def main(arguments: Sequence[str]) -> int:
    """The exit code: 2 for wrong usage, 130 for Ctrl-C, others as the command's `--help` says."""
    if not sys.platform.startswith("linux"):
        sys.stderr.write(
            "edge_runtime runs on Linux only (Windows: inside WSL2; macOS: in a Linux virtual machine)\n"
        )
        return 1
    if not arguments or arguments[0] in {"-h", "--help"}:
        (sys.stdout if arguments else sys.stderr).write(_usage())
        return 0 if arguments else _USAGE_EXIT_CODE
    name, *rest = arguments
    if name not in _COMMANDS:
        sys.stderr.write(f"{name!r} is not a command\n{_usage()}")
        return _USAGE_EXIT_CODE
    # What a program consists of stays: a tenth of its loading was the collector's looking for what may go.
    gc.disable()
    command: Callable[[Sequence[str]], int] = importlib.import_module(_COMMANDS[name][0]).main
    gc.enable()
    try:
        return command(rest)
    except KeyboardInterrupt:
        return _INTERRUPTED_EXIT_CODE


def _usage() -> str:
    lines = [f"  {name:12}{what}" for name, (_, what) in _COMMANDS.items() if name != "hub"]
    return "\n".join(
        [
            "usage: python -m edge_runtime COMMAND ...",
            "",
            *lines,
            "",
            "COMMAND --help tells more. Exit codes: 0 done, 1 failed, 2 wrong usage or a manifest with",
            "errors, 3 port 8883 is taken (run), 130 interrupted.",
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
