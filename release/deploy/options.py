"""The command line of `scripts/deploy`."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from release.deploy.environment import Environment
from release.deploy.follow import Pace
from release.deploy.outcome import UsageError

ROOT = Path(__file__).resolve().parents[2]
_DEVICE, _CONDITION, _PRIORITY = "DEPLOY_DEVICE", "DEPLOY_TARGET_CONDITION", "DEPLOY_PRIORITY"
_EPILOG = """\
Secrets come from the environment or .env alone: IOTHUB_CONNECTION_STRING, CONTAINER_REGISTRY_PASSWORD.
environments/NAME.env may name DEPLOY_DEVICE, or DEPLOY_TARGET_CONDITION and DEPLOY_PRIORITY, and EDGE_RUNTIME_STATE.

exit codes: 0 every module runs as deployed, or nothing to do; 1 a module failed, the last good deployment runs again;
2 arguments, environment, template or images file are wrong, nothing changed; 3 not confirmed, nothing changed;
4 IoT Hub cannot be reached or refuses, nothing changed; 5 not good in time, the last good deployment runs again;
6 failed, and the last good deployment does not run again; 130 interrupted, the message says what the device has
"""


class Action(Enum):
    """What to do."""

    DEPLOY = "deploy"
    FOLLOW = "follow"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class Options:
    """Arguments, before the environment completes them."""

    env: str
    template: Path
    platform: str | None
    images: Path | None
    state: Path | None
    device: str | None
    condition: str | None
    priority: int | None
    layered: bool
    name: str
    action: Action
    yes: bool
    remove: bool
    dry_run: bool
    machine: bool
    pace: Pace


@dataclass(frozen=True, slots=True)
class Target:
    """One device, or (`condition`) all that a target condition means."""

    device: str | None
    condition: str | None
    priority: int


def parse(arguments: Sequence[str]) -> Options:
    """Ends the process with exit code 2 for wrong arguments."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.device and given.target_condition:
        parser.error("--device and --target-condition exclude each other")
    action = Action.FOLLOW if given.follow else Action.RESTORE if given.restore else Action.DEPLOY
    return Options(
        env=given.env,
        template=given.template,
        platform=given.platform,
        images=given.images,
        state=given.state,
        device=given.device,
        condition=given.target_condition,
        priority=given.priority,
        layered=given.layered,
        name=given.name or f"edge-vision-{given.env}",
        action=action,
        yes=given.yes,
        remove=given.remove,
        dry_run=given.dry_run,
        machine=given.json,
        pace=Pace(given.timeout, given.settle, given.patience),
    )


def find_target(options: Options, environment: Environment, local_device: str | None) -> Target:
    """Arguments win over the environment, and that over the device that runs in the state folder.

    Raises UsageError when nothing says where to deploy.
    """
    priority = options.priority
    if priority is None:
        text = environment.get(_PRIORITY) or "10"
        if not text.isdecimal():
            raise UsageError(f"{_PRIORITY}={text}: a whole number from 0 on is needed")
        priority = int(text)
    if options.device or options.condition:
        return Target(options.device, options.condition, priority)
    device, condition = environment.get(_DEVICE), environment.get(_CONDITION)
    if device and condition:
        raise UsageError(f"{environment.file}: {_DEVICE} and {_CONDITION} exclude each other")
    device = device or (None if condition else local_device)
    if device or condition:
        return Target(device, condition, priority)
    raise UsageError(f"where to? Name --device or --target-condition, or set {_DEVICE} in {environment.file}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/deploy",
        description="Deploy through IoT Hub (Azure's or the local one), follow the device until every module runs, "
        "and go back to the last good deployment when one does not.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--env", required=True, help="dev, test or prod: environments/NAME.env")
    _what(parser.add_argument_group("what"))
    _where(parser.add_argument_group("where"))
    _how(parser.add_argument_group("how"))
    return parser


def _what(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--template",
        type=Path,
        default=ROOT / "deployment.template.json",
        help="template or manifest (default: deployment.template.json)",
    )
    group.add_argument("--platform", help="amd64, arm32v7, arm64v8 (default: DEFAULT_PLATFORM, else amd64)")
    group.add_argument("--images", type=Path, help="what scripts/build recorded: images are named by digest")
    group.add_argument(
        "--layered",
        action="store_true",
        help="add modules and routes to what is there: nothing else is changed or removed",
    )


def _where(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--device", help="deploy to this one")
    group.add_argument(
        "--target-condition", help="an automatic deployment for these: \"tags.site = 'north'\""
    )
    group.add_argument("--priority", type=_priority, help="of an automatic deployment (default: 10)")
    group.add_argument("--name", help="of an automatic deployment (default: edge-vision-ENV)")
    group.add_argument(
        "--state", type=Path, help="state folder of a local device: deploy through its local IoT Hub"
    )


def _how(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--yes", action="store_true", help="do not ask; needed where no terminal is")
    group.add_argument(
        "--remove", action="store_true", help="modules that the template does not name may end (with --yes)"
    )
    group.add_argument("--dry-run", action="store_true", help="show what would change, and end")
    actions = group.add_mutually_exclusive_group()
    actions.add_argument("--follow", action="store_true", help="go on with a deployment that was interrupted")
    actions.add_argument("--restore", action="store_true", help="go back to the last good deployment")
    group.add_argument("--json", action="store_true", help="one JSON document on standard output at the end")
    pace = Pace()
    for name, default, text in (
        ("timeout", pace.timeout_s, "all must be well within this"),
        ("settle", pace.settle_s, "and stay well for this"),
        ("patience", pace.patience_s, "trouble that may pass is a failure after this"),
    ):
        group.add_argument(
            f"--{name}", type=_seconds, default=default, metavar="S", help=f"{text} (seconds, {default:.0f})"
        )


def _seconds(text: str) -> float:
    value = float(text)
    if not math.isfinite(value) or value < 0:
        raise argparse.ArgumentTypeError(f"{text}: seconds from 0 on")
    return value


def _priority(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text}: a whole number from 0 on")
    return int(text)
