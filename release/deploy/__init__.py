"""Deploy a solution through IoT Hub: expand, check, show what changes, apply, follow, and go back when it fails.

The pure parts (content, difference, masking, pinning, verdict) know neither SDK nor terminal; `iot_hub` alone
imports the service SDK, which lives in `.venv-service`.
"""
