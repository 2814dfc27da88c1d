"""`$edgeAgent`'s methods: one call in, a status and a payload out (spec D.5)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from edge_runtime.agent.methods import log_contents, support_bundle
from edge_runtime.agent.methods.arguments import (
    BundleRequest,
    LogsRequest,
    RestartRequest,
    TaskRequest,
    UploadLogsRequest,
    parse,
)
from edge_runtime.agent.methods.blob import Blob, check_url, names_one_blob, upload
from edge_runtime.agent.methods.errors import BadArgumentError, MethodError, MethodFailedError
from edge_runtime.agent.methods.log_contents import DeviceName
from edge_runtime.agent.methods.log_store import LogStore, select
from edge_runtime.agent.methods.tasks import BackgroundTasks, TooManyTasksError

_log = logging.getLogger(__name__)
Restart = Callable[[str], Awaitable[None]]
"""Start a module anew. Raises MethodFailedError."""


class AgentMethods:
    """`restart` ends and starts a module; `reported` gives `$edgeAgent`'s reported properties.

    `called` is told the name of each method that is called, as edgeAgent spells it.
    """

    def __init__(
        self,
        device: DeviceName,
        store: LogStore,
        restart: Restart,
        reported: Callable[[], Mapping[str, Any]],
        called: Callable[[str], None],
    ) -> None:
        self._device = device
        self._store = store
        self._restart_module = restart
        self._reported = reported
        self._called = called
        self._tasks = BackgroundTasks()
        methods = {
            "ping": self._ping,
            "RestartModule": self._restart,
            "GetModuleLogs": self._get_logs,
            "UploadModuleLogs": self._upload_logs,
            "GetTaskStatus": self._task_status,
            "UploadSupportBundle": self._upload_bundle,
        }
        self._methods = {name.casefold(): (name, method) for name, method in methods.items()}

    async def call(self, name: str, payload: Any) -> tuple[int, Any]:
        """200 and the method's answer, or the status of its refusal and `{"message"}`."""
        try:
            return 200, await self._find(name)(payload)
        except MethodError as error:
            _log.warning("method %s was refused: %s", name, error)
            return error.status, {"message": str(error)}
        except Exception as error:  # noqa: BLE001 - the caller is told, as edgeAgent does
            _log.exception("method %s failed", name)
            return 500, {"message": f"{type(error).__name__}: {error}"}

    async def stop(self) -> None:
        """Cancel what methods began."""
        await self._tasks.stop()

    def _find(self, name: str) -> Callable[[Any], Awaitable[Any]]:
        found = self._methods.get(name.casefold())
        if found is None:
            supported = ",".join(spelled for spelled, _ in self._methods.values())
            raise BadArgumentError(f"Command '{name}' not found. The supported commands are - {supported}")
        self._called(found[0])
        return found[1]

    async def _ping(self, _payload: Any) -> None:
        return None

    async def _restart(self, payload: Any) -> None:
        await self._restart_module(parse(RestartRequest, payload).id)

    async def _get_logs(self, payload: Any) -> list[dict[str, str]]:
        request = parse(LogsRequest, payload)
        return await asyncio.to_thread(
            log_contents.answer, self._store, self._store.names(), request, self._device
        )

    async def _upload_logs(self, payload: Any) -> dict[str, str]:
        request = parse(UploadLogsRequest, payload)
        check_url(request.sas_url)
        names = self._store.names()
        chosen = await asyncio.to_thread(select, request.items, names)
        if names_one_blob(request.sas_url) and len(chosen) > 1:
            raise BadArgumentError(
                f"sasUrl is signed for one blob, and the items name {len(chosen)} modules: "
                "ask for one module, or give a URL that is signed for a container"
            )
        return self._start("upload logs", partial(self._upload_all, names, request))

    async def _upload_all(self, names: list[str], request: UploadLogsRequest) -> None:
        contents = log_contents.read(self._store, names, request, self._device)
        while (content := await asyncio.to_thread(next, contents, None)) is not None:
            encoding = "gzip" if content.zipped else None
            name = self._blob_name(content.module, content.extension)
            await upload(request.sas_url, Blob(name, content.content, content.media_type, encoding))

    async def _task_status(self, payload: Any) -> dict[str, str]:
        return self._tasks.status(parse(TaskRequest, payload).correlation_id)

    async def _upload_bundle(self, payload: Any) -> dict[str, str]:
        request = parse(BundleRequest, payload)
        check_url(request.sas_url)
        return self._start("upload support bundle", partial(self._bundle, request))

    async def _bundle(self, request: BundleRequest) -> None:
        names, reported = self._store.names(), self._reported()
        content = await asyncio.to_thread(support_bundle.make, self._store, names, request, reported)
        blob = Blob(self._blob_name("support-bundle", "zip"), content, "application/zip")
        await upload(request.sas_url, blob)

    def _start(self, operation: str, work: Callable[[], Coroutine[Any, Any, None]]) -> dict[str, str]:
        try:
            return self._tasks.start(operation, work)
        except TooManyTasksError as error:
            raise MethodFailedError(str(error)) from None

    def _blob_name(self, what: str, extension: str) -> str:
        moment = datetime.now(UTC).strftime("%Y-%m-%d--%H-%M-%S")
        return f"{self._device.iothub_hostname}/{self._device.device}/{what}-{moment}.{extension}"
