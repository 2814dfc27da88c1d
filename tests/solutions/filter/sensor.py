"""Stands in for the temperature sensor, whose image has no source here: one reading twice a second, ever hotter."""

from __future__ import annotations

import itertools
import json
import time

from azure.iot.device import IoTHubModuleClient, Message

client = IoTHubModuleClient.create_from_edge_environment()
for number in itertools.count():
    reading = {"machine": {"temperature": 20 + number, "pressure": 1 + number / 10}}
    message = Message(json.dumps(reading), content_encoding="utf-8", content_type="application/json")
    client.send_message_to_output(message, "temperatureOutput")
    time.sleep(0.5)
