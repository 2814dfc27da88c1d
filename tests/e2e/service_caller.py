"""The service SDK as a program of its own: JSON lines in (a call), JSON lines out (what came of it).

In: `{"manager": "IoTHubRegistryManager", "call": "get_twin", "arguments": ["edge"]}`; an argument
`{"model": "Twin", "fields": {...}}` becomes that model of the SDK.
Out: `{"result": ...}`, models as their wire form, or `{"error": <class>, "status": 404, "body": "..."}`.
Its one argument is the connection string; REQUESTS_CA_BUNDLE names the CA.
"""

from __future__ import annotations

import json
import sys
from operator import attrgetter
from typing import Any

from azure.iot import hub
from azure.iot.hub import models
from msrest.exceptions import HttpOperationError  # type: ignore[import-not-found]


def argument(value: Any) -> Any:
    if isinstance(value, dict) and "model" in value:
        return getattr(models, value["model"])(**{k: argument(v) for k, v in value["fields"].items()})
    return [argument(item) for item in value] if isinstance(value, list) else value


def plain(value: Any) -> Any:
    if isinstance(value, list):
        return [plain(item) for item in value]
    if type(value).__name__ == "QueryResult":  # the SDK exports no name for it
        return {"type": value.type, "continuation": value.continuation_token, "items": plain(value.items)}
    return value.serialize(keep_readonly=True) if hasattr(value, "serialize") else value


def answer(call: dict[str, Any]) -> dict[str, Any]:
    manager = getattr(hub, call["manager"])(sys.argv[1])
    try:
        result = attrgetter(call["call"])(manager)(*(argument(value) for value in call["arguments"]))
        return {"result": plain(result)}
    except HttpOperationError as error:
        response = error.response
        return {"error": type(error).__name__, "status": response.status_code, "body": response.text}


for line in sys.stdin:
    sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
    sys.stdout.flush()
