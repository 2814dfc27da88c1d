"""The service API of the local IoT Hub, started once the hub process has made the certificates.

Heavy to import: whoever needs a quick start imports it while something else starts.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from aiohttp.web import AppRunner

from edge_runtime.hub.certificate_reload import CHECK_S, CertificateReload
from edge_runtime.iothub.devicebound import Devicebound
from edge_runtime.iothub.service.device import RunningDevice
from edge_runtime.iothub.service.documents import Documents
from edge_runtime.iothub.service.errors import InvalidRequestError, ServiceError
from edge_runtime.iothub.service.policy import Policy
from edge_runtime.iothub.service.server import ServiceApi, bind, serve
from edge_runtime.iothub.service.service import IotHub
from edge_runtime.lasting import keep_running
from edge_runtime.state_folder import StateFolder
from edge_runtime.supervisor.control_client import ControlClient
from edge_runtime.supervisor.deployment import InvalidDesiredError
from edge_runtime.supervisor.options import IOTHUB_HOSTNAME, RunOptions

_log = logging.getLogger(__name__)
Deploy = Callable[[dict[str, Any]], Awaitable[None]]


class ServiceListener:
    """`start`, then `stop`. `connection_string` holds the policy's key: for endpoints.json alone.

    `devicebound` is there at once, for the hub process; whoever serves that closes it. Raises StoreUnusableError.
    """

    def __init__(
        self, options: RunOptions, folder: StateFolder, control: ControlClient, deploy: Deploy
    ) -> None:
        self._options = options
        self._folder = folder
        self._control = control
        self._deploy = deploy
        self.devicebound = Devicebound(folder.registry)
        self._documents: Documents | None = None
        self._runner: AppRunner | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._iothub: IotHub | None = None
        self.connection_string: str | None = None

    async def start(self) -> None:
        """Listen, unless it does already, and deploy what is automatic. Raises DocumentsError, OSError."""
        if self._iothub is None:
            await self._listen()
        if self._iothub is not None:
            try:
                await self._iothub.reconcile()
            except ServiceError as error:
                _log.warning("the automatic deployments were not looked at: %s", error)

    async def _listen(self) -> None:
        chain, key = self._folder.server_certificate
        if not chain.exists():
            _log.warning("%s is missing: the local IoT Hub's service API stays off", chain)
            return
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(chain, key)
        reload = CertificateReload(chain, key, [context])
        self._renewal = keep_running("Following the service API's certificate", partial(_follow, reload))
        address = self._options.address
        self._documents = Documents(self._folder.registry)
        policy = Policy.load(self._folder.service_policy)
        listening = bind(address, policy.port)
        port = listening.getsockname()[1]
        policy.save(self._folder.service_policy, port)
        host = f"{address}:{port}"
        device = RunningDevice(self._options.device, self._control, self._deploy_content)
        self._iothub = IotHub(self._documents, device, self.devicebound)
        api = ServiceApi(self._iothub, policy, (host, IOTHUB_HOSTNAME))
        self._runner = await serve(api, context, listening)
        self.connection_string = policy.connection_string(host)

    async def _deploy_content(self, content: dict[str, Any]) -> None:
        try:
            await self._deploy(content)
        except InvalidDesiredError as error:
            raise InvalidRequestError(str(error)) from error

    async def stop(self) -> None:
        """What was begun is finished."""
        if self._renewal is not None:
            self._renewal.cancel()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._documents is not None:
            self._documents.close()


async def _follow(certificate: CertificateReload) -> None:
    """The hub process renews it a month before its end."""
    while True:
        await asyncio.sleep(CHECK_S)
        certificate.check()
