"""The command line of `run`."""

from __future__ import annotations

import argparse
import ipaddress
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge_runtime.state_folder import check_device_name, default_folder
from edge_runtime.supervisor.option_types import seconds

IOTHUB_HOSTNAME = "local.azure-devices.net"
DEFAULT_ADDRESS = "127.0.0.1"
_LAST_PORT = 65_535
_EPILOG = """exit codes: 0 stopped as asked; 1 the hub cannot run, or an error of the runtime itself;
2 wrong arguments, a manifest with errors, a state folder that cannot be used;
3 port 8883 of the address is taken."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What `run` was asked for. `commands`: module -> command in place of its image's.

    `address` is empty with the engine `docker`, until its network says what it is. `page_port`: None for no page,
    0 for a free port.
    """

    manifest: Path
    device: str
    address: str
    state: Path
    engine: str = "process"
    platform: str | None = None
    env_file: Path | None = None
    stop_after_s: float | None = None
    without: frozenset[str] = frozenset()
    commands: dict[str, tuple[str, ...]] = field(default_factory=dict)
    upstream_limit_bytes: int = 256 * 1024 * 1024
    store_limit_bytes: int | None = None
    as_json: bool = False
    page_port: int | None = None
    open_page: bool = False


def parse(arguments: Sequence[str]) -> RunOptions:
    """Raises SystemExit with code 2 for arguments that make no sense."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.engine == "docker" and given.address:
        parser.error(
            "--address: with --engine docker the hub listens on the gateway address of the device's own network, "
            "which the Docker engine chooses; leave --address out"
        )
    state = Path(given.state) if given.state else default_folder(given.device)
    return RunOptions(
        manifest=Path(given.manifest),
        device=given.device,
        address=given.address or ("" if given.engine == "docker" else DEFAULT_ADDRESS),
        engine=given.engine,
        state=state.absolute(),
        platform=given.platform,
        env_file=Path(given.env_file) if given.env_file else None,
        stop_after_s=given.stop_after,
        without=frozenset(given.without),
        commands=dict(given.module),
        upstream_limit_bytes=given.upstream_limit * 1024 * 1024,
        store_limit_bytes=given.store_limit and given.store_limit * 1024 * 1024,
        as_json=given.json,
        page_port=0 if given.open and given.page is None else given.page,
        open_page=given.open,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m edge_runtime run",
        description="Run a deployment on this machine, without Docker and without a cloud.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("manifest", help="a deployment template or a generated manifest")
    parser.add_argument(
        "--engine",
        choices=("process", "docker"),
        default="process",
        help="run modules as processes of this machine (default), or their images on a Docker engine",
    )
    parser.add_argument("--device", type=_device, default="edge", help="the device's name (default: edge)")
    parser.add_argument(
        "--address",
        type=_address,
        help=f"loopback address of this device (default: {DEFAULT_ADDRESS}); one a device, since the SDK knows "
        "port 8883 alone; not with --engine docker",
    )
    parser.add_argument("--state", help="state folder (default: $XDG_STATE_HOME/edge-runtime/DEVICE)")
    parser.add_argument("--platform", help="platform of the images (default: DEFAULT_PLATFORM, else amd64)")
    parser.add_argument("--env-file", help="variables (default: .env beside the modules)")
    parser.add_argument("--stop-after", type=seconds, metavar="S", help="stop by itself after S seconds")
    parser.add_argument("--without", action="append", default=[], metavar="MODULE", help="leave a module out")
    parser.add_argument(
        "--module",
        action="append",
        default=[],
        type=_command,
        metavar="NAME=CMD",
        help="start it so, in the present folder, in place of its Dockerfile's CMD and ENV",
    )
    parser.add_argument("--upstream-limit", type=_megabytes, default=256, metavar="MB")
    parser.add_argument(
        "--store-limit",
        type=_megabytes,
        metavar="MB",
        help="the messages that wait may take this on disk, then new ones are not acknowledged; for a manifest "
        "without storeLimits.maxSizeBytes (default: 2048)",
    )
    parser.add_argument(
        "--page",
        nargs="?",
        type=_port,
        const=0,
        metavar="PORT",
        help="serve the live page, on this port or a free one, to this machine alone; its address is printed",
    )
    parser.add_argument("--open", action="store_true", help="serve the live page and open it in a browser")
    parser.add_argument("--json", action="store_true", help="print JSON lines")
    return parser


def _device(text: str) -> str:
    try:
        return check_device_name(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _address(text: str) -> str:
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an IPv4 address such as 127.0.0.2") from None
    if not address.is_loopback:
        raise argparse.ArgumentTypeError(f"{text} is not a loopback address (127.0.0.1 to 127.255.255.254)")
    return text


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > _LAST_PORT:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a port, 0 to {_LAST_PORT}; a manifest goes before --page"
        )
    return int(text)


def _megabytes(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of megabytes above 0")
    return int(text)


def _command(text: str) -> tuple[str, tuple[str, ...]]:
    name, equals, command = text.partition("=")
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from None
    if not name or not equals or not words:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=CMD")
    return name, words
