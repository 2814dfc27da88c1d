"""Module twins through the service SDK: the same calls for Azure and for the local IoT Hub."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NoReturn

from release.smoke.errors import NotPossibleError

_SETUP = "scripts/venv .venv-service requirements/service.txt"
_MENDS = {
    401: "the connection string is refused: its policy needs 'registry read' and 'registry write', and its key must "
    "be one of the policy's present ones",
    404: "there is no such device or module at this IoT Hub; deploy the solution first",
    412: "somebody else has changed the twin meanwhile; try again",
    429: "IoT Hub throttles; try again in a minute",
}


class ModuleTwins:
    """The twins of one device's modules.

    Args:
        connection_string: of IoT Hub's service side; it appears in no message.
        ca_file: the authority of a local IoT Hub; None for the public ones.
    """

    def __init__(self, connection_string: str, device: str, ca_file: Path | None = None) -> None:
        try:
            from azure.iot.hub import IoTHubRegistryManager  # noqa: PLC0415 - heavy, and `--help` needs it not
        except ImportError as error:
            raise NotPossibleError(f"the service SDK is not installed ({error}): {_SETUP}") from error
        if ca_file is not None:
            os.environ["REQUESTS_CA_BUNDLE"] = str(ca_file)
        self.device = device
        try:
            self._registry = IoTHubRegistryManager.from_connection_string(connection_string)
        except (ValueError, KeyError) as error:
            raise NotPossibleError(
                "the connection string is not one of IoT Hub's service side: expected "
                f"HostName=...;SharedAccessKeyName=...;SharedAccessKey=... ({error})"
            ) from None

    def read(self, module: str) -> dict[str, Any]:
        """`{"etag", "tags", "desired", "reported"}`. Raises NotPossibleError."""
        try:
            twin = self._registry.get_module_twin(self.device, module)
        except Exception as error:  # noqa: BLE001 - the SDK raises what its transports raise
            self._explain(module, error)
        return _document(twin)

    def patch(
        self, module: str, desired: dict[str, Any], tags: dict[str, Any], etag: str | None
    ) -> dict[str, Any]:
        """Merge both sections in one step, null deletes; the twin after it, as `read` gives it.

        `etag`: refuse when the twin is another one by now; None: whatever it is. Raises NotPossibleError.
        """
        from azure.iot.hub.models import Twin, TwinProperties  # noqa: PLC0415

        change = Twin(tags=tags, properties=TwinProperties(desired=desired))
        try:
            twin = self._registry.update_module_twin(self.device, module, change, etag)
        except Exception as error:  # noqa: BLE001
            self._explain(module, error)
        return _document(twin)

    def _explain(self, module: str, error: Exception) -> NoReturn:
        status = getattr(getattr(error, "response", None), "status_code", None)
        mend = _MENDS.get(status or 0, str(error))
        raise NotPossibleError(f"the twin of {self.device}/{module}: {mend}") from None


def _document(twin: Any) -> dict[str, Any]:
    properties = twin.properties
    return {
        "etag": twin.etag,
        "tags": twin.tags or {},
        "desired": (properties.desired if properties else None) or {},
        "reported": (properties.reported if properties else None) or {},
    }
