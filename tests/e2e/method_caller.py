"""A module that calls methods as it is told: one JSON document a line on standard input, its answer on standard output.

`{"device", "module" (absent: the device), "call": {...}}` -> `{"answer"}` or `{"error", "cause"}`.
"""

from __future__ import annotations

import json
import sys

from azure.iot.device import IoTHubModuleClient


def main() -> None:
    client = IoTHubModuleClient.create_from_edge_environment()
    for line in sys.stdin:
        asked = json.loads(line)
        said: dict[str, object]
        try:
            said = {"answer": client.invoke_method(asked["call"], asked["device"], asked.get("module"))}
        except Exception as error:  # noqa: BLE001 - which one it is, is what the test asks
            said = {"error": type(error).__name__, "cause": repr(error.__cause__)}
        print(json.dumps(said), flush=True)  # noqa: T201
    client.shutdown()


main()
