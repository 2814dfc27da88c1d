"""A device beside the modules, on the unmodified device SDK: JSON lines in (what it is to do), JSON lines out.

In: `{"send": {...}}`, `{"report": {...}}`, `{"twin": null}`. Out: what came of it, and what arrived meanwhile:
`{"message": ...}`, `{"patch": ...}`, `{"method": ...}`, `{"connected": bool}`. It is told the connection string and the
CA as `python -m edge_runtime device add` prints them.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from azure.iot.device import X509, IoTHubDeviceClient, Message, MethodResponse

_lock = threading.Lock()


def say(**document: Any) -> None:
    with _lock:
        sys.stdout.write(json.dumps(document) + "\n")
        sys.stdout.flush()


def main() -> None:
    told = os.environ
    options: dict[str, Any] = {
        "server_verification_cert": Path(told["IOTHUB_DEVICE_CA_FILE"]).read_text(),
        "connection_retry_interval": 1,
    }
    if "PRODUCT_INFO" in told:
        options["product_info"] = told["PRODUCT_INFO"]
    client: Any
    if "IOTHUB_DEVICE_X509_CERTIFICATE" in told:
        client = IoTHubDeviceClient.create_from_x509_certificate(
            X509(told["IOTHUB_DEVICE_X509_CERTIFICATE"], told["IOTHUB_DEVICE_X509_KEY"]),
            told["IOTHUB_DEVICE_HOSTNAME"],
            told["IOTHUB_DEVICE_ID"],
            gateway_hostname=told["IOTHUB_DEVICE_GATEWAY"],
            **options,
        )
    else:
        client = IoTHubDeviceClient.create_from_connection_string(
            told["IOTHUB_DEVICE_CONNECTION_STRING"], **options
        )

    def received(message: Any) -> None:
        properties = {name: str(value) for name, value in message.custom_properties.items()}
        say(
            message=message.data.decode(),
            properties=properties,
            id=message.message_id,
            correlation=message.correlation_id,
            type=message.content_type,
        )

    def invoked(request: Any) -> None:
        say(method=request.name, payload=request.payload)
        response = MethodResponse.create_from_method_request(request, 207, {"got": request.payload})
        client.send_method_response(response)

    client.on_connection_state_change = lambda: say(connected=client.connected)
    client.on_message_received = received
    client.on_method_request_received = invoked
    client.on_twin_desired_properties_patch_received = lambda patch: say(patch=patch)
    say(ready=True)
    for line in sys.stdin:
        ((what, how),) = json.loads(line).items()
        if what == "send":
            message: Any = Message(how["body"])
            message.message_id = how.get("id")
            message.custom_properties = how.get("properties", {})
            client.send_message(message)
            say(sent=how["body"])
        elif what == "report":
            client.patch_twin_reported_properties(how)
            say(reported=how)
        else:
            say(twin=client.get_twin())


main()
