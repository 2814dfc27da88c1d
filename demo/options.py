"""The demo's command line, and what it means for the manifest's variables."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

DEFAULT_SOURCE = "sample:"
_TEMPLATE = Path(__file__).resolve().parent.parent / "deployment.template.json"
_DEFAULT_FPS = 10.0
_FILE_SOURCES = ("cifar10", "folder", "video", "sample")
_AS_FAST_AS_POSSIBLE = ("cifar10", "folder")


@dataclass(frozen=True, slots=True)
class Options:
    """`model` None: as the environment says. `frames` and `duration_s` None: until Ctrl-C.

    `fps` 0: as fast as the credits allow.
    """

    source: str
    model: str | None
    frames: int | None
    duration_s: float | None
    fps: float
    report: Path | None
    address: str
    manifest: Path
    state: Path | None
    plain: bool
    page: bool

    def variables(self) -> dict[str, str]:
        """Environment for the manifest's placeholders (`.env.template` names them all)."""
        chosen = {} if self.model is None else {"CLASSIFIER_MODEL": self.model}
        return chosen | {
            "CAMERA_SOURCE": self.source,
            "CAMERA_FPS": f"{self.fps:g}",
            "CAMERA_FRAMES": str(self.frames or 0),
        }

    def run_arguments(self) -> list[str]:
        """More of them for the runtime's command line."""
        return ["--page"] if self.page else []


def parse_options(arguments: list[str] | None = None) -> Options:
    """Read the command line; exits with code 2 and a message when it makes no sense."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.report is not None and not given.report.parent.is_dir():
        parser.error(f"--report: {given.report.parent} is not a folder")
    if given.report is not None and given.report.is_dir():
        parser.error(f"--report: {given.report} is a folder")
    source = _absolute(given.source)
    return Options(
        source=source,
        model=None if given.model is None else _model(given.model),
        frames=given.frames,
        duration_s=given.duration,
        fps=_default_fps(source) if given.fps is None else given.fps,
        report=given.report,
        address=given.address,
        manifest=given.manifest.absolute(),
        state=None if given.state is None else given.state.absolute(),
        plain=given.plain,
        page=not given.no_page,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="Run camera -> classifier -> results filter -> upstream here. No Docker, no cloud.",
        epilog="exit codes: 0 ran, 1 lost or failed, 2 bad arguments or manifest, 3 port 8883 taken, "
        "130 stopped before it was up",
    )
    parser.add_argument(
        "--source", default=DEFAULT_SOURCE, metavar="SPEC",
        help="camera:N, rtsp://..., mqtt://HOST/TOPIC, video:PATH, folder:PATH, cifar10:PATH, sample:",
    )  # fmt: skip
    parser.add_argument(
        "--model", metavar="NAME_OR_PATH",
        help="model bundle: the name of a shipped one, or a folder's path, with a slash (./mine)",
    )  # fmt: skip
    parser.add_argument("--frames", type=_positive_int, metavar="N", help="stop after N frames")
    parser.add_argument("--duration", type=_positive_float, metavar="S", help="stop after S seconds")
    parser.add_argument(
        "--fps", type=_not_negative, metavar="N",
        help="frames a second; 0: as fast as possible (default: 0 for cifar10: and folder:, else 10)",
    )  # fmt: skip
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the report there as JSON")
    parser.add_argument(
        "--address", default="127.0.0.1", help="loopback address of the device (default 127.0.0.1)"
    )
    parser.add_argument("--manifest", type=Path, default=_TEMPLATE, help="template or manifest")
    parser.add_argument("--state", type=Path, metavar="DIR", help="keep the device's state there")
    parser.add_argument("--plain", action="store_true", help="lines instead of a live view")
    parser.add_argument("--no-page", action="store_true", help="no live page for a browser beside it")
    return parser


def _absolute(source: str) -> str:
    # A module runs in a folder of its own, where a path relative to the user's means nothing.
    kind, colon, rest = source.partition(":")
    path, question, query = rest.partition("?")
    if kind in _FILE_SOURCES and path:
        return f"{kind}{colon}{Path(path).expanduser().absolute()}{question}{query}"
    return source


def _model(name_or_path: str) -> str:
    return str(Path(name_or_path).expanduser().absolute()) if "/" in name_or_path else name_or_path


def _default_fps(source: str) -> float:
    return 0.0 if source.partition(":")[0] in _AS_FAST_AS_POSSIBLE else _DEFAULT_FPS


def _positive_int(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def _positive_float(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def _not_negative(text: str) -> float:
    value = float(text)
    if not value >= 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return value
