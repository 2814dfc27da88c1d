"""Azure Functions: scoring over HTTP, and alerts from the events that reach IoT Hub."""
