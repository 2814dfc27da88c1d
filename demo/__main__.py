"""`scripts/demo`: run the solution on this machine and show what crosses the hub."""

from __future__ import annotations

import sys

from demo.stop_signals import StopSignals


def main() -> int:
    signals = StopSignals()
    # Only now: a Ctrl-C while this is imported ends the demo without a traceback.
    from demo.command import run  # noqa: PLC0415

    return run(signals)


if __name__ == "__main__":
    sys.exit(main())
