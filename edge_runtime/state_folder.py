"""Where a device keeps its state, and who may use the folder."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOCKET_PATH_BYTES = 107
DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_TEMPORARY_PREFIX = "edge-runtime-"
_DEVICE_NAME = re.compile(r"[A-Za-z0-9\-:.+%_#*?!(),=@;$']{1,128}")


class StateFolderError(Exception):
    """The folder cannot be used; the message says why and what to do."""


class StateFolderInUseError(StateFolderError):
    """Another `run` holds the folder."""

    def __init__(self, folder: Path, holder: str) -> None:
        super().__init__(
            f"{folder} is in use by the runtime with process id {holder}; "
            "stop that one, or give this one another --device or --state"
        )


@dataclass(frozen=True, slots=True)
class StateFolder:
    """The paths of docs/runtime-interfaces.md."""

    path: Path

    @property
    def endpoints(self) -> Path:
        return self.path / "endpoints.json"

    @property
    def processes(self) -> Path:
        return self.path / "processes.json"

    @property
    def hub_configuration(self) -> Path:
        return self.path / "hub.json"

    @property
    def docker(self) -> Path:
        return self.path / "docker.json"

    @property
    def reserve(self) -> Path:
        return self.path / "reserve"

    @property
    def upstream_store(self) -> Path:
        return self.path / "upstream.db"

    @property
    def upstream_lines(self) -> Path:
        return self.path / "upstream.jsonl"

    @property
    def registry(self) -> Path:
        return self.path / "iothub.db"

    @property
    def service_policy(self) -> Path:
        return self.path / "iothub.json"

    @property
    def certificates(self) -> Path:
        return self.path / "certificates"

    @property
    def server_certificate(self) -> tuple[Path, Path]:
        """The chain that the hub process serves, and its key; it has made both before it is ready."""
        return self.certificates / "server-chain.pem", self.certificates / "server-key.pem"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def modules(self) -> Path:
        return self.path / "modules"

    def log(self, process: str) -> Path:
        """The log of a module, or of `edgeHub`."""
        return self.logs / f"{process}.log"

    def create(self) -> None:
        """Make the folder, for this user alone. Raises StateFolderError."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            for folder in (self.logs, self.modules):
                folder.mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise cannot_hold(self.path, error) from error


def cannot_hold(folder: Path, error: OSError) -> StateFolderError:
    """What to say of it."""
    mend = "give a folder that you may write to with --state"
    if error.errno in DISK_FULL:
        mend = f"make room on its disk, or {mend}"
    return StateFolderError(f"{folder} cannot hold the runtime's state: {error.strerror}; {mend}")


def default_folder(device: str) -> Path:
    """`$XDG_STATE_HOME/edge-runtime/DEVICE`."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "edge-runtime" / device


def check_device_name(name: str) -> str:
    """IoT Hub's rule for device ids, less what would leave the state folder. Raises ValueError."""
    if not _DEVICE_NAME.fullmatch(name) or name in {".", ".."}:
        raise ValueError(
            f"{name!r} is not a device id: 1 to 128 letters, digits and - : . + % _ # * ? ! ( ) , = @ ; $ '"
        )
    return name


class StateLock:
    """Held for as long as a `run` uses the folder; the kernel frees it when the process ends, however."""

    def __init__(self, folder: StateFolder) -> None:
        self._path = folder.path / "lock"
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise cannot_hold(folder.path, error) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._descriptor)
            raise StateFolderInUseError(folder.path, holder) from None
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            os.close(self._descriptor)
            raise cannot_hold(folder.path, error) from error

    def release(self) -> None:
        """The folder may be used by the next one. The file stays: to remove it would let two hold it."""
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


def socket_folder(folder: StateFolder, modules: Iterable[str]) -> Path:
    """A folder for the sockets, private to this user: STATE/s, or a temporary one when STATE is too long."""
    names = [f"{name}/workload.sock" for name in modules]
    longest = max((*names, "control.sock", "iothub.sock", "$edgeAgent.sock"), key=len)
    inside = folder.path / "s"
    if len(os.fsencode(inside / longest)) <= SOCKET_PATH_BYTES:
        inside.mkdir(exist_ok=True, mode=0o700)
        return inside
    outside = Path(tempfile.mkdtemp(prefix=_TEMPORARY_PREFIX))
    if len(os.fsencode(outside / longest)) > SOCKET_PATH_BYTES:
        outside.rmdir()
        raise StateFolderError(
            f"the socket {longest} has no place: both {inside} and {outside} make its path longer than "
            f"{SOCKET_PATH_BYTES} bytes, the kernel's limit; give a shorter --state or module name"
        )
    return outside


def remove_sockets(sockets: Path) -> None:
    """Remove the sockets, those of the modules' own folders too, and each folder when nothing else is in it."""
    if not sockets.is_dir() or sockets.is_symlink():
        return
    for entry in sockets.iterdir():
        if stat.S_ISSOCK(entry.lstat().st_mode):
            entry.unlink(missing_ok=True)
        else:
            remove_sockets(entry)
    if not any(sockets.iterdir()):
        sockets.rmdir()


def remove_left_sockets(folder: StateFolder) -> None:
    """Remove the sockets of a run that was killed, wherever its hub.json says they are."""
    remove_sockets(folder.path / "s")
    try:
        named = Path(json.loads(folder.hub_configuration.read_text())["sockets"])
        ours = named.lstat().st_uid == os.getuid()
    except (OSError, ValueError, KeyError, TypeError):
        return
    if ours and named.parent == Path(tempfile.gettempdir()) and named.name.startswith(_TEMPORARY_PREFIX):
        shutil.rmtree(named, ignore_errors=True)


def write_private(path: Path, content: dict[str, Any] | str) -> None:
    """Write text, or an object as JSON, that only this user may read, in one step."""
    text = content if isinstance(content, str) else json.dumps(content, indent=2) + "\n"
    draft = path.with_name(f"{path.name}.tmp")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)
