"""A function app as the Functions host's Python worker loads and calls it, with the real `azure-functions` types.

`python host.py COMMAND`, in the app's folder. COMMAND is JSON: {"index": true}, {"http": {...}} or {"events": [...]}.
Prints JSON.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import sys
from typing import Any

import azure.functions as func


def functions() -> dict[str, Any]:
    """The worker imports `function_app.py` from the folder, and asks its one FunctionApp for the functions."""
    spec = importlib.util.spec_from_file_location("function_app", "function_app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    apps = [value for value in vars(module).values() if isinstance(value, func.FunctionApp)]
    assert len(apps) == 1
    return {found.get_function_name(): found for found in apps[0].get_functions()}


def called_by_http(found: dict[str, Any], call: dict[str, Any]) -> dict[str, Any]:
    request = func.HttpRequest(
        call["method"],
        f"/api/{call['function']}",
        headers=call["headers"],
        params=call["params"],
        body=base64.b64decode(call["body"]),
    )
    response = found[call["function"]].get_user_function()(request)
    assert isinstance(response, func.HttpResponse)
    body = response.get_body().decode()
    return {"status": response.status_code, "type": response.mimetype, "body": json.loads(body)}


class Queue(func.Out[Any]):  # type: ignore[misc]
    """What the host gives for an output binding."""

    value: Any = None

    def set(self, val: Any) -> None:
        self.value = val

    def get(self) -> Any:
        return self.value


def main() -> None:
    sys.path.insert(0, "")
    command, found = json.loads(sys.stdin.read()), functions()
    if "http" in command:
        print(json.dumps([called_by_http(found, call) for call in command["http"]]))  # noqa: T201
    elif "events" in command:
        queue = Queue()
        events = [func.EventHubEvent(body=body.encode(), iothub_metadata={}) for body in command["events"]]
        found["alerts"].get_user_function()(events, queue)
        print(json.dumps(queue.value))  # noqa: T201
    else:
        index = {
            name: {
                "bindings": [binding.get_dict_repr() for binding in one.get_bindings()],
                "retry": one.get_settings_dict("retry_policy"),  # as the worker asks for it
            }
            for name, one in found.items()
        }
        print(json.dumps(index, default=str))  # noqa: T201


if __name__ == "__main__":
    main()
