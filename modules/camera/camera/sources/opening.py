"""From a SPEC to its source. The sources' heavy libraries are imported when the source is opened."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

from camera.picture import Picture
from camera.settings import CameraSettings
from camera.sources.cifar10_download import OFFICIAL_URL, Download
from camera.sources.source import Source, SourceEvents
from camera.sources.spec import Kind, SourceSpec
from module_kit.inbox import Inbox, Overflow

WAITING_PICTURES = 16
"""How many pictures of a live source may wait under `WAIT`; under `DROP_OLDEST` only the newest does."""


def open_source(
    spec: SourceSpec, settings: CameraSettings, overflow: Overflow, events: SourceEvents
) -> Source:
    """The source that `spec` names; nothing is opened before its pictures are asked for."""
    match spec.kind:
        case Kind.CAMERA | Kind.RTSP:
            return _capture(spec, overflow, events)
        case Kind.MQTT:
            from camera.sources.broker import Broker, BrokerSource  # noqa: PLC0415

            return BrokerSource(Broker.of(spec), _capacity(overflow), events)
        case Kind.VIDEO:
            from camera.sources.video import VideoSource  # noqa: PLC0415

            return VideoSource(Path(spec.target), events)
        case Kind.FOLDER:
            from camera.sources.folder import FolderSource  # noqa: PLC0415

            return FolderSource(Path(spec.target), events, follow=spec.options.get("follow") == "true")
        case Kind.CIFAR10:
            return _cifar10(spec, settings, events)
        case Kind.SAMPLE:
            from camera.sources.sample import SampleSource  # noqa: PLC0415

            return SampleSource(settings.scene_seconds, int(spec.options.get("seed", "0")))


def _capacity(overflow: Overflow) -> int:
    return 1 if overflow is Overflow.DROP_OLDEST else WAITING_PICTURES


def _capture(spec: SourceSpec, overflow: Overflow, events: SourceEvents) -> Source:
    from camera.sources.capture import CaptureSource, open_device, open_stream  # noqa: PLC0415
    from camera.sources.rtsp_diagnosis import why_not  # noqa: PLC0415

    def inbox() -> Inbox[Picture]:
        return Inbox(
            spec.masked, _capacity(overflow), overflow, on_drop=lambda *_: events.dropped("overflow")
        )

    opener: Callable[[], object]
    if spec.kind is Kind.RTSP:
        opener = partial(open_stream, spec.target, spec.masked, why_not)
    else:
        width, height = (int(spec.options.get(name, "0")) or None for name in ("width", "height"))
        opener = partial(open_device, int(spec.target), width, height)
    return CaptureSource(spec.masked, opener, inbox)


def _cifar10(spec: SourceSpec, settings: CameraSettings, events: SourceEvents) -> Source:
    from camera.sources.cifar10 import Cifar10Source  # noqa: PLC0415
    from camera.sources.cifar10_layout import Split  # noqa: PLC0415

    place: Path | Download = Path(spec.target)
    if not spec.target:
        url = settings.cifar10_url or OFFICIAL_URL
        place = Download(url, settings.cifar10_md5, _cache_folder(settings.cache_folder))
    return Cifar10Source(place, cast("Split", spec.options.get("split", "test")), events)


def _cache_folder(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:  # a container's user need not have a home
        return Path(tempfile.gettempdir()) / "edge-vision"
