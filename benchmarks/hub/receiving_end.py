"""The local IoT Hub's receiving end alone: receiving_end.py FOLDER SOCKETS. In the product the supervisor serves it.

Says `ready` when it listens on SOCKETS/iothub.sock; SIGTERM ends it.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from edge_runtime.iothub.arrivals import Arrivals
from edge_runtime.iothub.devicebound import Devicebound
from edge_runtime.iothub.server import serve


async def main(folder: Path, sockets: Path) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    arrivals = Arrivals(folder / "upstream.db", folder / "upstream.jsonl")
    await arrivals.open()
    runner = await serve(arrivals, Devicebound(folder / "iothub.db"), sockets / "iothub.sock")
    print("ready", flush=True)
    await stop.wait()
    await runner.cleanup()
    await arrivals.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
