"""The hub's control API as a client sees it (docs/runtime-interfaces.md).

Blocking, on the standard library's HTTP: it starts ten times faster than an asynchronous client, and
the calls are few. An event loop calls it in a thread.
"""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import quote

DEFAULT_TIMEOUT_S = 30.0


class ControlError(Exception):
    """The hub refused; `str()` is its message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class HubUnreachableError(Exception):
    """Nobody answers on the control socket."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class ControlClient:
    """One connection a call, so that it may be used from any thread."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def configure(self, modules_content: dict[str, Any]) -> dict[str, dict[str, str]]:
        """Apply a deployment; module -> `{"generationId", "workloadUri"}`."""
        answer = self._call("PUT", "/configuration", {"modulesContent": modules_content})
        return dict(answer["modules"])

    def twin(self, module: str | None, device: str | None = None) -> dict[str, Any]:
        """`{"desired": {.., "$version"}, "reported": {.., "$version"}}`.

        Here as in the other calls: of a module; for None, of the edge device, or of the `device` beside it.
        """
        return dict(self._call("GET", f"{_client(module, device)}/twin"))

    def patch_desired(self, module: str | None, patch: Any, device: str | None = None) -> int:
        """Change desired properties; the new version."""
        return int(self._call("PATCH", f"{_client(module, device)}/twin/desired", patch)["version"])

    def replace_desired(self, module: str | None, section: Any, device: str | None = None) -> int:
        """Put a whole desired section in place; the new version."""
        return int(self._call("PUT", f"{_client(module, device)}/twin/desired", section)["version"])

    def patch_reported(self, module: str, patch: Any) -> int:
        """Change reported properties; the new version."""
        return int(self._call("PATCH", f"{_client(module)}/twin/reported", patch)["version"])

    def invoke(
        self, module: str | None, call: dict[str, Any], timeout_s: float, device: str | None = None
    ) -> dict[str, Any]:
        """A direct method; `{"status", "payload"}`."""
        return dict(self._call("POST", f"{_client(module, device)}/methods", call, timeout_s=timeout_s))

    def identities(self) -> list[dict[str, Any]]:
        """All of the device, with their keys."""
        return list(self.clients()["identities"])

    def clients(self) -> dict[str, Any]:
        """`{"identities": [...], "devices": {name: connected}}`: of the device, and who is beside it."""
        return dict(self._call("GET", "/identities"))

    def put_identity(self, module: str | None, primary_key: str, secondary_key: str) -> None:
        """Make a module that no deployment names, or change the keys of one, or of the device."""
        keys = {"primaryKey": primary_key, "secondaryKey": secondary_key}
        self._call("PUT", f"{_client(module)}/identity", keys)

    def delete_identity(self, module: str) -> None:
        """End a module that no deployment names."""
        self._call("DELETE", f"{_client(module)}/identity")

    def put_device(self, device: str, entry: dict[str, Any]) -> None:
        """Make or change a device beside the edge device; `entry` is `{"primaryKey", "secondaryKey", "barred"?}`."""
        self._call("PUT", f"{_client(None, device)}/identity", entry)

    def put_devices(self, entries: dict[str, dict[str, Any]]) -> None:
        """All devices beside the edge device, by name; the hub forgets others."""
        self._call("PUT", "/devices", {"devices": entries})

    def delete_device(self, device: str) -> None:
        self._call("DELETE", f"{_client(None, device)}/identity")

    def queues(self) -> dict[str, Any]:
        """What waits: `{"queues": [{"endpoint", "priority", "length"}], "unacknowledged": n}`."""
        return dict(self._call("GET", "/queues"))

    def _call(self, verb: str, path: str, body: Any = None, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> Any:
        connection = _UnixConnection(self.path, timeout_s)
        content = None if body is None else json.dumps(body).encode()
        try:
            connection.request(verb, path, content, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise HubUnreachableError(f"no answer from the hub at {self.path}: {reason}") from error
        finally:
            connection.close()
        if response.status >= http.HTTPStatus.BAD_REQUEST:
            message = answer.get("message") if isinstance(answer, dict) else None
            raise ControlError(response.status, message or f"status {response.status}")
        return answer


def _client(module: str | None, device: str | None = None) -> str:
    if device is not None:
        return f"/devices/{quote(device, safe='')}"
    return "/device" if module is None else f"/modules/{quote(module, safe='')}"
