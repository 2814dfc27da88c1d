"""`python3 -m module_kit.healthcheck`: exit 0 when the module's loop turned within the last 30 s, else 1.

The container's HEALTHCHECK runs it every few seconds, so it imports the standard library alone.
"""

import os
import sys
import tempfile
import time

FRESH_S = 30.0


def heartbeat_file() -> str:
    """The file that a living module touches: `HEARTBEAT_FILE`, or one named after the module."""
    named = os.environ.get("HEARTBEAT_FILE")
    if named:
        return named
    device = os.environ.get("IOTEDGE_DEVICEID", "device")
    module = os.environ.get("IOTEDGE_MODULEID", "module")
    return os.path.join(tempfile.gettempdir(), f"heartbeat-{device}-{module}")  # noqa: PTH118 - pathlib costs


def main() -> int:
    path = heartbeat_file()
    try:
        age_s = time.time() - os.stat(path).st_mtime  # noqa: PTH116 - pathlib costs
    except OSError as error:
        print(f"unhealthy: no heartbeat: {error}")  # noqa: T201
        return 1
    healthy = age_s <= FRESH_S
    print(f"{'healthy' if healthy else 'unhealthy'}: last heartbeat {age_s:.0f} s ago")  # noqa: T201
    return 0 if healthy else 1


if __name__ == "__main__":
    sys.exit(main())
