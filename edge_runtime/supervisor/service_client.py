"""The service API of a device that runs, for commands (docs/runtime-interfaces.md).

Blocking, on the standard library, as `control_client`: commands make a call or two.
"""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from edge_runtime.hub import sas

_TIMEOUT_S = 30.0
_TOKEN_S = 300


class ServiceRefusedError(Exception):
    """The local IoT Hub refused; `str()` is its message, `code` the name that IoT Hub gives the error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class ServiceUnreachableError(Exception):
    """Nobody answers at the address that endpoints.json names."""


class ServiceClient:
    """One connection a call. `endpoints` is STATE/endpoints.json.

    Raises ServiceUnreachableError when the device has no service API.
    """

    def __init__(self, endpoints: Mapping[str, Any]) -> None:
        text = endpoints["iothub"]["connectionString"]
        if not text:
            raise ServiceUnreachableError("the device's local IoT Hub is not up yet; try again in a moment")
        parts = dict(part.split("=", 1) for part in text.split(";"))
        self._host, self._policy = parts["HostName"], parts["SharedAccessKeyName"]
        self._key = sas.decode_key(parts["SharedAccessKey"])
        self._tls = ssl.create_default_context(cafile=endpoints["iothub"]["caFile"])

    def call(self, verb: str, *path: str, body: Any = None, if_match: str | None = None) -> Any:
        """The answer's document, None when it has none; `path` is given in segments, not escaped.

        Raises ServiceRefusedError, ServiceUnreachableError.
        """
        token = sas.sign(self._host, self._key, expiry=int(time.time()) + _TOKEN_S, policy=self._policy)
        headers = {"Authorization": token, "Content-Type": "application/json"}
        if if_match is not None:
            headers["If-Match"] = if_match
        address = "/" + "/".join(quote(segment, safe="") for segment in path)
        connection = http.client.HTTPSConnection(self._host, timeout=_TIMEOUT_S, context=self._tls)
        try:
            connection.request(verb, address, None if body is None else json.dumps(body).encode(), headers)
            response = connection.getresponse()
            text = response.read()
            answer = json.loads(text) if text else None
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise ServiceUnreachableError(
                f"no answer from the local IoT Hub at {self._host}: {reason}"
            ) from error
        finally:
            connection.close()
        if response.status >= http.HTTPStatus.BAD_REQUEST:
            raise _refusal(response.status, answer)
        return answer


def _refusal(status: int, answer: Any) -> ServiceRefusedError:
    text = answer.get("Message") if isinstance(answer, dict) else None
    code, _, message = (text or f"status {status}").removeprefix("ErrorCode:").partition(";")
    return ServiceRefusedError(status, code, message or code)
