"""One workload socket for each module of the deployment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from edge_runtime.heads.workload import WorkloadApi, WorkloadSocket, serve_workload
from edge_runtime.hub.certificates import Certificates
from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.message import ClientId

WORKLOAD_SOCKET = "workload.sock"


class WorkloadSockets:
    """Opens and closes the sockets `FOLDER/<module>/workload.sock` as modules come and go.

    Each lies in a folder of its own, which a container mounts: a socket bound anew is another file, the folder stays
    the same. So a folder is never removed here.
    """

    def __init__(self, hub: EdgeHub, folder: Path, certificates: Certificates) -> None:
        self._hub = hub
        self._folder = folder
        self._certificates = certificates
        self._sockets: dict[str, WorkloadSocket] = {}

    async def serve(self, modules: Iterable[str]) -> None:
        """Serve exactly these modules; sockets that are open already stay as they are."""
        wanted = list(modules)
        for module in [module for module in self._sockets if module not in wanted]:
            await self._sockets.pop(module).close()
        for module in wanted:
            if module not in self._sockets:
                folder = self._folder / module
                folder.mkdir(exist_ok=True)
                # Whoever may enter the folder above may use the socket; in a container, every user.
                folder.chmod(0o755)
                self._sockets[module] = await serve_workload(self._api(module), folder / WORKLOAD_SOCKET)

    def uri(self, module: str) -> str:
        """What `IOTEDGE_WORKLOADURI` must be."""
        return self._sockets[module].uri

    async def close(self) -> None:
        for socket in self._sockets.values():
            await socket.close()

    def _api(self, module: str) -> WorkloadApi:
        hub = self._hub
        client = ClientId(hub.device_id, module)
        identity = hub.identities.get(client)
        if identity is None:
            raise KeyError(f"{client} has no identity")
        return WorkloadApi(
            module=module,
            identity_uri=f"URI:azureiot://{hub.iothub_hostname}/devices/{client.device}/modules/{module}",
            key=lambda: (hub.identities.get(client) or identity).keys[0],
            certificates=self._certificates,
            modules=self._statuses,
        )

    def _statuses(self) -> Mapping[str, str]:
        reported = self._hub.twins.read(ClientId(self._hub.device_id, "$edgeAgent"))["reported"].get(
            "modules", {}
        )
        return {
            module: str(reported.get(module, {}).get("runtimeStatus", "unknown"))
            for module in self._hub.identities.modules
            if not module.startswith("$")
        }
