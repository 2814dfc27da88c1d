"""`run` with stand_in_hub.py as its hub: run_with_hub.py MODE RUN-ARGUMENTS.

It looks at `$edgeAgent`'s twin more often than the five seconds of a device, for which tests would only wait.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from edge_runtime.supervisor import deployment
from edge_runtime.supervisor.options import parse
from edge_runtime.supervisor.run_command import run

if __name__ == "__main__":
    deployment.WATCH_S = 0.1
    options = parse(sys.argv[2:])
    stand_in = Path(__file__).with_name("stand_in_hub.py")
    hub = [sys.executable, str(stand_in), sys.argv[1], "hub", "--config", str(options.state / "hub.json")]
    sys.exit(asyncio.run(run(options, hub_command=hub)))
