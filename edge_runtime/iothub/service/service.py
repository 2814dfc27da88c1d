"""The local IoT Hub behind its REST API: one change at a time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from edge_runtime.hub.message import ClientId
from edge_runtime.iothub.devicebound import Devicebound, QueueFullError, TooLargeError
from edge_runtime.iothub.service.bulk import bulk
from edge_runtime.iothub.service.configurations import Configurations
from edge_runtime.iothub.service.content import DESIRED, deployment, lay, modules_content
from edge_runtime.iothub.service.device import RunningDevice
from edge_runtime.iothub.service.documents import Document, Documents
from edge_runtime.iothub.service.errors import (
    InvalidRequestError,
    MessageSizeError,
    NotOnlineError,
    QueueDepthError,
    UnavailableError,
)
from edge_runtime.iothub.service.registry import SYSTEM_MODULES, Registry
from edge_runtime.iothub.service.to_device import message_of
from edge_runtime.iothub.service.twins import Twins
from edge_runtime.iothub.store import StoreRefusedError

_RESPONSE_S = (30, 5, 300)
_CONNECT_S = (0, 0, 300)


class IotHub:
    """What the service API's callers may ask for. Reads may overlap, changes hold `changing`."""

    def __init__(self, documents: Documents, device: RunningDevice, devicebound: Devicebound) -> None:
        self.device = device
        self._devicebound = devicebound
        self.registry = Registry(documents, device, devicebound)
        self.twins = Twins(documents, self.registry, device)
        self.configurations = Configurations(documents, self.registry, self.twins, device)
        self.changing = asyncio.Lock()

    async def reconcile(self) -> None:
        """Devices and automatic deployments, whenever the hub process has come up."""
        async with self.changing:
            await self.registry.tell_devices()
            await self.configurations.reconcile()

    async def bulk(self, body: Any) -> Document:
        """Many identities: a BulkRegistryOperationResult. Raises InvalidRequestError, UnavailableError."""
        result = await bulk(self.registry, self.twins, body)
        await self.configurations.reconcile()
        return result

    async def invoke(self, subject: ClientId, call: Any) -> Document:
        """A direct method: `{"status", "payload"}`, whatever status the callee gave (spec E.5).

        Raises MissingError, NotOnlineError, NoAnswerError, BadAnswerError, InvalidRequestError.
        """
        await self.registry.get(subject)
        if not isinstance(call, dict):
            raise InvalidRequestError("the body must be a CloudToDeviceMethod as JSON object")
        response_s = _seconds(call, "responseTimeoutInSeconds", *_RESPONSE_S)
        connect_s = _seconds(call, "connectTimeoutInSeconds", *_CONNECT_S)
        if subject.device != self.device.name and subject.module is not None:
            raise NotOnlineError(f"{subject}: modules of a device beside the edge device cannot connect")
        timeouts = {"responseTimeoutInSeconds": response_s, "connectTimeoutInSeconds": connect_s}
        return await self.device.invoke(subject, {**call, **timeouts}, response_s + connect_s)

    async def send(self, device: str, document: Any) -> Document:
        """A cloud-to-device message, durable on return; what is known of it.

        Raises MissingError, InvalidRequestError, QueueDepthError, MessageSizeError, UnavailableError.
        """
        await self.registry.get(ClientId(device))
        message = message_of(document, datetime.now(UTC))
        try:
            await self._devicebound.put(device, message)
        except QueueFullError as error:
            raise QueueDepthError(str(error)) from error
        except TooLargeError as error:
            raise MessageSizeError(str(error)) from error
        except StoreRefusedError as error:
            raise UnavailableError(str(error)) from error
        expiry = datetime.fromtimestamp(message.expires, UTC).isoformat(timespec="milliseconds")
        return {
            "deviceId": device,
            "messageId": message.system.get("messageId"),
            "expiryTimeUtc": expiry.replace("+00:00", "Z"),
            "cloudToDeviceMessageCount": self._devicebound.count(device),
        }

    async def purge(self, device: str) -> int:
        """Delete the messages that wait for a device; how many. Raises MissingError, UnavailableError."""
        await self.registry.get(ClientId(device))
        try:
            return await self._devicebound.purge(device)
        except StoreRefusedError as error:
            raise UnavailableError(str(error)) from error

    async def apply(self, device: str, content: Any) -> None:
        """Deploy to this one device (spec E.7). Raises MissingError, InvalidRequestError, UnavailableError."""
        modules = modules_content(content)
        await self.registry.get(ClientId(device))
        if device != self.device.name:
            raise InvalidRequestError(f"{device} is no edge device that runs here")
        partial = {module for module, keys in modules.items() if DESIRED not in keys}
        known = [module for module in await self.device.identities() if module is not None]
        sections = {
            module: await self._desired(module)
            for module in known
            if module in partial or (module in SYSTEM_MODULES and module not in modules)
        }
        await self.device.deploy(deployment(lay(modules, sections), known))
        await self.configurations.overwrite()

    async def _desired(self, module: str) -> Document:
        section = (await self.device.twin(ClientId(self.device.name, module)))["desired"]
        return {name: value for name, value in section.items() if name != "$version"}

    async def statistics(self) -> dict[str, int]:
        """IoT Hub's counts of devices."""
        devices = await self.registry.devices()
        enabled = sum(device["status"] == "enabled" for device in devices)
        return {
            "totalDeviceCount": len(devices),
            "enabledDeviceCount": enabled,
            "disabledDeviceCount": len(devices) - enabled,
            "connectedDeviceCount": sum(device["connectionState"] == "Connected" for device in devices),
        }


def _seconds(call: Document, name: str, default: float, least: float, most: float) -> float:
    value = call.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise InvalidRequestError(f"{name}: a number from {least:g} to {most:g}")
    return float(value)
