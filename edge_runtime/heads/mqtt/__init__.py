"""The MQTT 3.1.1 head: what modules and leaf devices speak to the hub on port 8883."""
