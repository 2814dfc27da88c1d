"""`scripts/release --rehearse`: the whole way from source to production on this machine."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from release.engine import EngineUnreachableError, connect
from release.pipeline.local_device import LocalDevice
from release.pipeline.rehearsal import FAILED, INTERRUPTED, Done, Rehearsal
from release.pipeline.steps import Step, device_of, rehearsal

ROOT = Path(__file__).resolve().parents[2]
REGISTRY = "127.0.0.1:5000"
_TESTS = ("tests/release", "tests/manifest", "tests/test_architecture.py")
_MAY_BE_SKIPPED = ("check", "version", "test")
_TAIL_LINES = 30
_EPILOG = """\
Images stay in the local registry and on the engine, as caches; nothing else stays. After a failure the logs do.

exit codes: 0 every step did what it should; 1 one did not; 2 wrong arguments; 3 no Docker engine or no registry;
130 interrupted, with nothing left running"""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code, as `--help` says."""
    options = _parser().parse_args(arguments)
    console = Console(stderr=options.json, highlight=False)
    if missing := _missing():
        print(f"scripts/release: {missing}", file=sys.stderr)
        return 3
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a cancelled job tidies up as Ctrl-C does
    folder = Path(tempfile.mkdtemp(prefix="rehearsal-"))
    platforms = options.platform or ["amd64"]
    tests = [] if options.all_tests else list(_TESTS)
    devices = {
        device_of(environment, platform): platform
        for environment in ("dev", "test", "prod")
        for platform in platforms
    }
    show = _Progress(console)
    work = Rehearsal(
        folder,
        _environment(),
        device=lambda name: LocalDevice(name, devices[name], folder / name),
        begun=show.begun,
        done=show.done,
    )
    started = time.monotonic()
    try:
        steps = rehearsal(platforms, tests, folder)
        ended = work.run(step for step in steps if step.name not in options.skip)
    except KeyboardInterrupt:  # between two steps
        shutil.rmtree(folder, ignore_errors=True)
        return 130
    finally:
        show.close()
    return _end(ended, time.monotonic() - started, folder, console, as_json=options.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/release",
        description="Check, test, build, scan, push, deploy, smoke-test and promote on this machine: with its registry "
        f"{REGISTRY}, a Docker engine, and a device with an IoT Hub of its own for each environment. One deployment is "
        "broken on purpose, and must go back.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--rehearse", action="store_true", required=True, help="nothing outside this machine is touched"
    )
    parser.add_argument("--platform", action="append", help="default: amd64; may be repeated")
    parser.add_argument("--all-tests", action="store_true", help=f"default: {' '.join(_TESTS)}")
    parser.add_argument(
        "--skip",
        action="append",
        choices=_MAY_BE_SKIPPED,
        default=[],
        help="leave a step out; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="the steps as one JSON document at the end")
    return parser


def _missing() -> str | None:
    try:
        connect().close()
    except EngineUnreachableError as error:
        return str(error)
    host, port = REGISTRY.split(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError as error:
        return f"no registry on {REGISTRY} ({error}): docker run -d -p {port}:5000 registry:2"
    return None


def _environment() -> dict[str, str]:
    """Ours without what names an IoT Hub: nothing of a rehearsal may reach a real one."""
    inherited = {name: value for name, value in os.environ.items() if not name.endswith("_CONNECTION_STRING")}
    dropped = ("DEPLOY_DEVICE", "DEPLOY_TARGET_CONDITION", "EDGE_RUNTIME_STATE")
    local = {
        "CONTAINER_REGISTRY_SERVER": REGISTRY,
        "CONTAINER_REGISTRY_USERNAME": "anonymous",
        "CONTAINER_REGISTRY_PASSWORD": "anonymous",
    }
    return {name: value for name, value in inherited.items() if name not in dropped} | local


class _Progress:
    """The step that runs, on a terminal; a line for each that is done, everywhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("")

    def begun(self, step: Step) -> None:
        self._status.update(f"{step.name}: {' '.join(step.command[:3])} ...")
        self._status.start()

    def done(self, done: Done) -> None:
        self._status.stop()
        self._console.print(f"{done.seconds:7.1f} s  {done.status:12} {done.step.name}", soft_wrap=True)

    def close(self) -> None:
        self._status.stop()


def _end(ended: list[Done], seconds: float, folder: Path, console: Console, *, as_json: bool) -> int:
    last = ended[-1]
    if last.status == FAILED:
        lines = last.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        console.print(*lines, sep="\n", markup=False, soft_wrap=True)
        console.print(
            f"{' '.join(last.step.command)}\nended with exit code {last.exit_code}; logs: {folder}",
            markup=False,
        )
        for state in folder.iterdir():
            if state.is_dir():
                shutil.rmtree(state, ignore_errors=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    if as_json:
        print(json.dumps(_document(ended, seconds), indent=2))
    else:
        console.print(_table(ended, seconds))
    return {FAILED: 1, INTERRUPTED: 130}.get(last.status, 0)


def _document(ended: list[Done], seconds: float) -> dict[str, Any]:
    steps = [
        {
            "name": done.step.name,
            "command": list(done.step.command),
            "status": done.status,
            "exitCode": done.exit_code,
            "seconds": round(done.seconds, 1),
        }
        for done in ended
    ]
    return {
        "passed": ended[-1].status not in {FAILED, INTERRUPTED},
        "seconds": round(seconds, 1),
        "steps": steps,
    }


def _table(ended: list[Done], seconds: float) -> Table:
    table = Table("step", "result", "seconds", caption=f"{seconds / 60:.1f} minutes")
    table.columns[2].justify = "right"
    for done in ended:
        table.add_row(done.step.name, done.status, f"{done.seconds:.1f}")
    return table


if __name__ == "__main__":
    sys.exit(main())
