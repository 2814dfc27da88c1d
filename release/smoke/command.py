"""`scripts/smoke`: the command line."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from release.smoke import settings
from release.smoke.errors import NotPossibleError, NotRestoredError
from release.smoke.interruption import Interruption
from release.smoke.known import known_pictures
from release.smoke.report import document, table
from release.smoke.session import Result, Session
from release.smoke.target import EVENTHUB, IOTHUB, Target, azure_target, local_target, running_target
from release.smoke.twins import ModuleTwins

PASSED, FAILED, USAGE, NOT_POSSIBLE, NOT_RESTORED, INTERRUPTED = 0, 1, 2, 3, 4, 130
_DESCRIPTION = """\
Send known pictures through the solution that is deployed on a device, and see whether the labels that they must have
arrive upstream. The camera shows the drawings that its image carries, the results filter sends every prediction to
IoT Hub; before and after the test, both have the settings that they had. No other module is touched."""
_EPILOG = f"""\
target, the first that is given: --state DIR; a device of Azure, when {IOTHUB} (service side) and {EVENTHUB}
(Event-Hub-compatible endpoint) are in the environment, with --device; a device that runs on this machine.

exit codes: 0 every known picture has its label; 1 one is wrong or missing; 2 wrong arguments; 3 no verdict: device, IoT
Hub or settings; 4 the settings of before could not be put back (--restore does); 130 interrupted, settings put back"""


def main(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """The exit code, as `--help` says."""
    options = _parser().parse_args(arguments)
    try:
        target = _target(options, environment)
        twins = ModuleTwins(target.connection_string, target.device, target.ca_file)
        with Interruption() as interruption:
            if options.restore:
                return _restore(twins)
            session = Session(
                twins=twins,
                reader=target.reader(),
                pictures=known_pictures(),
                interruption=interruption,
                say=_say,
                fps=options.fps,
                timeout_s=options.timeout,
            )
            return _tell(session.test(), target, options)
    except NotRestoredError as error:
        sys.stderr.write(f"{error}\n")
        return NOT_RESTORED
    except NotPossibleError as error:
        sys.stderr.write(f"{error}\n")
        return NOT_POSSIBLE
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED


def _target(options: argparse.Namespace, environment: Mapping[str, str]) -> Target:
    if options.state is not None:
        return local_target(options.state)
    if environment.get(IOTHUB):
        return azure_target(environment, options.device, options.consumer_group)
    return running_target(options.device)


def _restore(twins: ModuleTwins) -> int:
    done = settings.restore_all(twins, None, attempts=1, pause=lambda: time.sleep(0))
    sys.stdout.write(f"restored: {', '.join(done)}\n" if done else "nothing to restore\n")
    return PASSED


def _tell(result: Result, target: Target, options: argparse.Namespace) -> int:
    sys.stdout.write(document(result, target.device) if options.json else table(result, target.device))
    return PASSED if result.passed else FAILED


def _say(text: str) -> None:
    """Progress, beside the result."""
    sys.stderr.write(f"{text}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/smoke",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--state", type=Path, help="state folder of a device that runs on this machine")
    parser.add_argument("--device", help="the device's name")
    parser.add_argument("--consumer-group", default="$Default", help="of the Event-Hub-compatible endpoint")
    parser.add_argument("--fps", type=_positive, default=5.0, help="pictures a second (default: 5)")
    parser.add_argument(
        "--timeout", type=_positive, default=120.0, help="seconds to wait for settings, and for labels (120)"
    )
    parser.add_argument("--restore", action="store_true", help="only undo what a killed test has left")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value <= 86_400:
        raise argparse.ArgumentTypeError(f"{text}: expected a number above 0")
    return value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
