"""`scripts/promote`: take a release from environment to environment."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from release.deploy.environment import read_environment
from release.deploy.outcome import UsageError
from release.images.record import RecordError
from release.pipeline import record, version
from release.pipeline.promote import ROOT, Place, PromotionError, promote
from release.pipeline.record import ENVIRONMENTS, Release

_CONDITION = "DEPLOY_TARGET_CONDITION"
_DEVICE = "DEPLOY_DEVICE"
_EPILOG = """\
The record (release/1) says what was built and where it has passed; --to dev begins it from what scripts/build recorded.

exit codes: 0 deployed and tested there; 1 not there: a deployment or its smoke test failed; 2 refused, nothing changed;
130 interrupted"""


def main(arguments: list[str] | None = None) -> int:
    """The exit code, as `--help` says."""
    options = _parser().parse_args(arguments)
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # a cancelled job puts things back as Ctrl-C does
    try:
        release = _release(options)
        places = _places(options, release)
        if told := _refusals(release, options, list(places)):
            print(*(f"scripts/promote: {line}" for line in told), sep="\n", file=sys.stderr)
            return 2
        for platform, place in places.items():
            promote(release, options.to, platform, place)
            release.write(options.release)
            print(f"{release.version} for {platform} has passed {options.to} ({place.told(platform)})")
    except (RecordError, UsageError, version.VersionError, OSError) as error:
        print(f"scripts/promote: {error}", file=sys.stderr)
        return 2
    except PromotionError as error:
        print(f"scripts/promote: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"scripts/promote: interrupted; {options.to} is not noted as passed", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/promote",
        description="Deploy a release to an environment by digest, test it there, and note that it has passed. Refused "
        "is what the environment before has not seen.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--to", required=True, choices=ENVIRONMENTS, help="where to")
    parser.add_argument(
        "--from", dest="source", choices=ENVIRONMENTS, help="where from: the environment before"
    )
    parser.add_argument(
        "--release", type=Path, default=ROOT / "config" / "release.json", metavar="FILE",
        help="the record [config/release.json]",
    )  # fmt: skip
    parser.add_argument(
        "--images", type=Path, action="append", metavar="FILE",
        help="with --to dev: what scripts/build recorded; may be repeated [config/images.*.json]",
    )  # fmt: skip
    parser.add_argument("--platform", action="append", help="only this one; may be repeated")
    parser.add_argument(
        "--device", help=f"to this one alone; default: {_DEVICE} or {_CONDITION} of the environment"
    )
    parser.add_argument(
        "--smoke-device",
        metavar="DEVICE",
        help="the device that is tested; of several platforms one of each, 'amd64=pc-1 arm32v7=cam-1': a platform "
        "without one is left out; default: --device",
    )
    parser.add_argument("--state", type=Path, metavar="DIR", help="state folder of a device of this machine")
    parser.add_argument(
        "--dirty", action="store_true", help="also what was not built from a commit; for rehearsals"
    )
    return parser


def _release(options: argparse.Namespace) -> Release:
    if options.to != ENVIRONMENTS[0]:
        return record.read(options.release)
    # a debug image is never released
    built = (f for f in sorted((ROOT / "config").glob("images.*.json")) if ".debug." not in f.name)
    return record.begin(options.images or list(built), str(version.read(ROOT)))


def _places(options: argparse.Namespace, release: Release) -> dict[str, Place]:
    """Where each platform goes. Raises RecordError when nothing says where, or which device is tested."""
    environment = read_environment(ROOT, options.to, os.environ)
    device = options.device or environment.get(_DEVICE)
    condition = environment.get(_CONDITION)
    if not device and not condition:
        raise RecordError(f"where to? Name --device, or set {_DEVICE} or {_CONDITION} in {environment.file}")
    platforms = options.platform or sorted(release.images)
    if options.state:
        tested = dict.fromkeys(platforms, device)
    else:
        tested = {**_tested(options.smoke_device or device or "", platforms)}
    if left_out := sorted(set(platforms) - set(tested)):
        told = f"no device of {', '.join(left_out)} is tested in {options.to} (--smoke-device)"
        if options.platform:
            raise RecordError(told)
        print(f"scripts/promote: {told}: left out", file=sys.stderr)
    return {
        platform: Place(device, None if device else condition, smoke_device, options.state)
        for platform, smoke_device in tested.items()
    }


def _tested(text: str, platforms: list[str]) -> dict[str, str]:
    """Platform -> device. A device has one architecture, so one name stands for one platform."""
    words = text.split()
    pairs = {left: right for left, _, right in (word.partition("=") for word in words) if left in platforms}
    if words and len(pairs) == len(words):
        return pairs
    if len(words) == 1 == len(platforms):
        return {platforms[0]: words[0]}
    each = " ".join(f"{platform}=DEVICE" for platform in platforms)
    raise RecordError(
        f"which device is tested? Name one of each platform that is deployed to, --smoke-device '{each}', or one "
        "--platform and its device"
    )


def _refusals(release: Release, options: argparse.Namespace, platforms: list[str]) -> list[str]:
    place = ENVIRONMENTS.index(options.to)
    before = ENVIRONMENTS[place - 1] if place else None
    if options.source not in (None, before):
        return [f"{options.to} is reached from {before or 'a build'}, not from {options.source}"]
    if missing := sorted(set(platforms) - set(release.images)):
        return [f"{release.version} has no images for {', '.join(missing)}"]
    if release.dirty and not options.dirty:
        return [
            f"the images were not built from a commit ({release.commit}): commit, and build them (--dirty rehearses)"
        ]
    return [told for platform in platforms if (told := release.refusal(options.to, platform))]


if __name__ == "__main__":
    sys.exit(main())
