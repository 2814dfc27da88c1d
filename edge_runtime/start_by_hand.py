"""Start a module that `run --without` leaves out, in this very process: a debugger holds it from its first line on.

`python -m edge_runtime.start_by_hand --state STATE camera [ARGUMENTS]` runs `python -m camera`. An editor's `envFile`
would not do: VS Code reads it before it starts the solution, which writes the file.
"""

from __future__ import annotations

import argparse
import os
import runpy
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

_PATIENCE_S = 60


def main(arguments: Sequence[str]) -> int:
    """Never returns when the module ends by `sys.exit`; 2 when `run --without` gave it no environment in time."""
    options = _parser().parse_args(arguments)
    file = options.state / f"{options.module}.env"
    deadline = time.monotonic() + options.wait
    while not file.is_file():
        if time.monotonic() > deadline:
            sys.stderr.write(
                f"{file} is missing: start the solution with --state {shlex.quote(str(options.state))} "
                f"--without {options.module}\n"
            )
            return 2
        time.sleep(0.1)
    os.environ.update(_variables(file.read_text()))
    package = options.package or options.module
    sys.argv = [package, *options.arguments]
    runpy.run_module(package, run_name="__main__", alter_sys=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m edge_runtime.start_by_hand",
        description="Run a module that `run --without` leaves out, with its environment, in this process.",
        epilog="exit codes: the module's own; 2 no run --without of this module in this state folder",
    )
    parser.add_argument("--state", type=Path, required=True, help="the state folder of the run")
    parser.add_argument("--package", help="what `python -m` starts (default: as the module is called)")
    parser.add_argument(
        "--wait", type=float, default=_PATIENCE_S, metavar="S", help="for the run to come up (%(default)s)"
    )
    parser.add_argument("module")
    parser.add_argument("arguments", nargs="*")
    return parser


def _variables(lines: str) -> dict[str, str]:
    """What `shell_lines` wrote."""
    pairs = (word.partition("=") for word in shlex.split(lines))
    return {name: value for name, _, value in pairs}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
