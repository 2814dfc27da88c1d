"""Source SPECs: `camera:0`, `rtsp://...`, `mqtt://HOST/TOPIC`, `video:PATH`, `folder:PATH`, `cifar10:PATH`, `sample:`.

Options follow a question mark: `cifar10:PATH?split=train`. A path may contain question marks: what follows
the last one counts as options only when it reads `name=value`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePath
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from camera.sources.source import SourceSpecError
from module_kit.redaction import redact

MAXIMUM_NAME = 32
"""Length of the frame contract's `source`."""


class Kind(StrEnum):
    """The sources that there are."""

    CAMERA = "camera"
    RTSP = "rtsp"
    MQTT = "mqtt"
    VIDEO = "video"
    FOLDER = "folder"
    CIFAR10 = "cifar10"
    SAMPLE = "sample"


LIVE = frozenset({Kind.CAMERA, Kind.RTSP, Kind.MQTT})

_URL_SCHEMES = {"rtsp": Kind.RTSP, "rtsps": Kind.RTSP, "mqtt": Kind.MQTT, "mqtts": Kind.MQTT}
_OPTIONS: dict[Kind, dict[str, str]] = {
    Kind.CAMERA: {"width": r"[1-9]\d{0,4}", "height": r"[1-9]\d{0,4}"},
    Kind.RTSP: {},
    Kind.MQTT: {"ca": r".+"},
    Kind.VIDEO: {},
    Kind.FOLDER: {"follow": r"true|false"},
    Kind.CIFAR10: {"split": r"test|train"},
    Kind.SAMPLE: {"seed": r"\d{1,9}"},
}


@dataclass(slots=True, frozen=True)
class SourceSpec:
    """A SPEC, understood.

    Attributes:
        kind: which source.
        target: the path, the device's number, or the whole URL (with credentials: never log it).
        options: what followed the question mark.
        masked: the SPEC without user name and password, for logs and reports.
        name: `[A-Za-z0-9_-]`, at most 32: the default of the frames' `source`.
    """

    kind: Kind
    target: str = field(repr=False)
    options: dict[str, str]
    masked: str
    name: str

    @property
    def live(self) -> bool:
        return self.kind in LIVE


def parse_spec(text: str) -> SourceSpec:
    """Understand `text`; `SourceSpecError` says what is wrong with it, without its credentials."""
    scheme, colon, rest = text.strip().partition(":")
    scheme = scheme.lower()
    if not colon:
        raise SourceSpecError(f"source {text!r}: expected KIND:TARGET with one of {', '.join(_forms())}")
    if scheme in _URL_SCHEMES:
        return _url(_URL_SCHEMES[scheme], f"{scheme}:{rest}")
    try:
        kind = Kind(scheme)
    except ValueError:
        raise SourceSpecError(f"source kind {scheme!r}: expected one of {', '.join(_forms())}") from None
    target, options = _split_options(rest)
    _check_options(kind, options)
    _check_target(kind, target)
    return SourceSpec(kind, target, options, masked=f"{scheme}:{rest}", name=_name(kind, target))


def _forms() -> list[str]:
    return ["camera:N", "rtsp://", "mqtt://", "mqtts://", "video:", "folder:", "cifar10:", "sample:"]


def _split_options(rest: str) -> tuple[str, dict[str, str]]:
    target, mark, tail = rest.rpartition("?")
    if not mark or not re.fullmatch(r"\w+=[^/]*(&\w+=[^/]*)*", tail):
        return rest, {}
    return target, dict(parse_qsl(tail, keep_blank_values=True))


def _check_options(kind: Kind, options: dict[str, str]) -> None:
    known = _OPTIONS[kind]
    for name, value in options.items():
        if name not in known:
            raise SourceSpecError(
                f"source {kind}: unknown option {name!r}; it knows {', '.join(known) or 'no options'}"
            )
        if not re.fullmatch(known[name], value):
            raise SourceSpecError(f"source {kind}: option {name}={value!r}: expected {known[name]}")


def _check_target(kind: Kind, target: str) -> None:
    if "\0" in target:
        raise SourceSpecError(f"source {kind}: the path contains a NUL character")
    if kind is Kind.CAMERA and not re.fullmatch(r"\d{1,3}", target):
        raise SourceSpecError(f"source camera:{target}: expected the number of a device, as in camera:0")
    if kind in (Kind.VIDEO, Kind.FOLDER) and not target:
        raise SourceSpecError(f"source {kind}: expected a path, as in {kind}:/data/{kind}")
    if kind is Kind.SAMPLE and target:
        raise SourceSpecError(f"source sample:{target}: takes no path; options follow a mark: sample:?seed=3")


def _url(kind: Kind, url: str) -> SourceSpec:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # its text may quote a part of the password
        raise SourceSpecError(
            f"source {redact(url)}: not a URL; in user name and password write / as %2F, @ as %40, : as %3A"
        ) from None
    masked = redact(url)
    if not host:
        raise SourceSpecError(f"source {masked}: no host; expected {kind}://HOST[:PORT]/...")
    if port == 0:
        raise SourceSpecError(f"source {masked}: port 0 is not a port")
    options: dict[str, str] = {}
    if kind is Kind.MQTT:
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        _check_options(kind, options)
        _check_topic(parts, masked)
    return SourceSpec(kind, url, options, masked, _slug(f"{kind}-{host}"))


def _check_topic(parts: SplitResult, masked: str) -> None:
    if "#" in masked:
        raise SourceSpecError(f"source {masked}: write the wildcard # as %23")
    if not unquote(parts.path).lstrip("/"):
        raise SourceSpecError(f"source {masked}: no topic; expected mqtt://HOST[:PORT]/TOPIC")


def _name(kind: Kind, target: str) -> str:
    match kind:
        case Kind.CAMERA:
            return f"camera-{target}"
        case Kind.VIDEO | Kind.FOLDER:
            return _slug(PurePath(target).stem or kind)
        case _:
            return str(kind)


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")[:MAXIMUM_NAME] or "source"
