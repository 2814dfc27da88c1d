"""How a deployment can end. The exit codes are the interface of pipelines.

DeployError           carries the exit code; `str()` is for people
  UsageError          arguments, environment or files: nothing was changed
  DeclinedError       not confirmed: nothing was changed
  HubError            IoT Hub refuses
    HubUnreachableError   nobody answers, or not as IoT Hub does
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of `scripts/deploy`."""

    DONE = 0  # every module runs as deployed, or there was nothing to do
    FAILED = 1  # a module failed; the last good deployment runs again
    USAGE = 2  # wrong arguments, environment, template or images file; nothing was changed
    DECLINED = 3  # not confirmed; nothing was changed
    REFUSED = 4  # IoT Hub cannot be reached, or refuses; nothing was changed
    LATE = 5  # not good within the time; the last good deployment runs again
    UNRESTORED = 6  # failed, and the last good deployment does not run again
    INTERRUPTED = 130  # Ctrl-C; the message says what the device has


class DeployError(Exception):
    """Ends the command."""

    exit_code = Exit.USAGE


class UsageError(DeployError):
    """Arguments, environment or files cannot be used; the message says which, and the mend."""


class DeclinedError(DeployError):
    """Nobody confirmed."""

    exit_code = Exit.DECLINED


class HubError(DeployError):
    """IoT Hub refused; `status` is HTTP's, 0 when there was no answer."""

    exit_code = Exit.REFUSED

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class HubUnreachableError(HubError):
    """No answer, or one of a server that is overloaded: it may come right."""
