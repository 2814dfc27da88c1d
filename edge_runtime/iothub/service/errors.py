"""What the service API refuses. `code` is the name that IoT Hub gives the error.

ServiceError
├── UnauthorizedError          no token, or one that is not good
├── InvalidRequestError        the request breaks a rule; the message names it
├── MissingError               no such device, module or configuration
├── ExistsError                it is there already, and no If-Match was given
├── ChangedError               it has changed since the ETag of If-Match
├── QueueDepthError            50 messages wait for the device already
├── MessageSizeError           a cloud-to-device message of more than 64 KB
├── NotOnlineError             a method of a client that is not connected or does not listen
├── NoAnswerError              a method that was not answered in time
├── BadAnswerError             a method that was answered with what is not JSON
└── UnavailableError           the hub process does not answer now; it is being started again
"""

from __future__ import annotations


class ServiceError(Exception):
    """Root of the service API's errors."""

    code = "GenericBadRequest"


class UnauthorizedError(ServiceError):
    code = "IotHubUnauthorizedAccess"


class InvalidRequestError(ServiceError):
    code = "ArgumentInvalid"


class MissingError(ServiceError):
    def __init__(self, kind: str, name: str) -> None:
        """`kind` is Device, Module or Configuration."""
        super().__init__(f"there is no {kind.lower()} {name!r}")
        self.code = f"{kind}NotFound"


class ExistsError(ServiceError):
    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"the {kind.lower()} {name!r} exists; to change it, send If-Match")
        self.code = f"{kind}AlreadyExists"


class ChangedError(ServiceError):
    code = "PreconditionFailed"

    def __init__(self, name: str, etag: str) -> None:
        super().__init__(f"{name}: its ETag is {etag} now")


class QueueDepthError(ServiceError):
    code = "DeviceMaximumQueueDepthExceeded"


class MessageSizeError(ServiceError):
    code = "MessageTooLarge"


class NotOnlineError(ServiceError):
    code = "DeviceNotOnline"


class NoAnswerError(ServiceError):
    code = "GatewayTimeout"


class BadAnswerError(ServiceError):
    code = "DeviceInvalidResultCode"


class UnavailableError(ServiceError):
    code = "ServiceUnavailable"
