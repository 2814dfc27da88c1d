"""One demo from its command line to its exit code."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from demo.options import Options, parse_options
from demo.runtime import Runtime, RuntimeFailedError, StateFolderError
from demo.stop_signals import INTERRUPTED_EXIT_CODE, StopSignals


def run(signals: StopSignals) -> int:
    """The exit code: see `scripts/demo --help`."""
    started = float(os.environ.get("DEMO_STARTED") or time.time())
    options = parse_options()
    if signals.seen:
        return INTERRUPTED_EXIT_CODE
    try:
        # The runtime starts first: it takes longer than what is imported meanwhile.
        with Runtime(
            options.manifest,
            options.variables(),
            address=options.address,
            state=options.state,
            arguments=options.run_arguments(),
        ) as runtime:
            return _watch(options, runtime, signals, started)
    except StateFolderError as error:
        print(f"scripts/demo: {error}", file=sys.stderr)  # noqa: T201
        return 2


def _watch(options: Options, runtime: Runtime, signals: StopSignals, started: float) -> int:
    from demo.session import ModuleRefusedError, Session, SourceFailedError, StoppedEarlyError  # noqa: PLC0415 - imported while the runtime starts
    from demo.view import new_view, print_summary  # noqa: PLC0415

    stop = asyncio.Event()
    view = new_view(plain=options.plain, on_reader_gone=stop.set)

    async def watch() -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        signals.notify(lambda: _set_soon(loop, stop))
        return await Session(options, runtime, view, stop, started=started).run()

    try:
        report = asyncio.run(watch())
    except RuntimeFailedError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return error.code or 1
    except (SourceFailedError, ModuleRefusedError) as error:
        print(f"scripts/demo: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except StoppedEarlyError:
        return INTERRUPTED_EXIT_CODE
    finally:
        signals.notify(None)
        view.close()
    print_summary(report)
    if options.report is not None and not _write(options.report, report):
        return 1
    return 1 if report["lost"] or "incomplete" in report else 0


def _set_soon(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(event.set)


def _write(path: Path, report: dict[str, Any]) -> bool:
    try:
        path.write_text(json.dumps(report, indent=2) + "\n")
    except OSError as error:
        print(f"scripts/demo: --report: {path}: {error.strerror}", file=sys.stderr)  # noqa: T201
        return False
    return True
