"""`scripts/demo`: run the solution on this machine and show what crosses the hub."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time

from demo.options import Options, parse_options
from demo.runtime import Runtime, RuntimeFailedError


def main() -> int:
    started = float(os.environ.get("DEMO_STARTED") or time.time())
    options = parse_options()
    # The runtime starts first: it takes longer than what is imported meanwhile.
    with Runtime(
        options.manifest, options.variables(), address=options.address, state=options.state
    ) as runtime:
        return _watch(options, runtime, started)


def _watch(options: Options, runtime: Runtime, started: float) -> int:
    from demo.session import ModuleRefusedError, Session, SourceFailedError  # noqa: PLC0415 - imported while the runtime starts
    from demo.view import new_view, print_summary  # noqa: PLC0415

    view = new_view(plain=options.plain)

    async def run() -> dict[str, object]:
        session = Session(options, runtime, view, started=started)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, session.stop.set)
        return await session.run()

    try:
        report = asyncio.run(run())
    except RuntimeFailedError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return error.code or 1
    except (SourceFailedError, ModuleRefusedError) as error:
        print(f"scripts/demo: {error}", file=sys.stderr)  # noqa: T201
        return 1
    finally:
        view.close()
    print_summary(report)
    if options.report is not None:
        options.report.write_text(json.dumps(report, indent=2) + "\n")
    return 1 if report["lost"] or "incomplete" in report else 0


if __name__ == "__main__":
    sys.exit(main())
