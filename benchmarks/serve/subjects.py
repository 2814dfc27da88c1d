"""What is measured: how each service is started, and how a picture is put to it.

Each peer runs as its documentation recommends for a machine of some cores (its own worker processes, its cheapest
documented way for an encoded picture), in a virtual environment of its own, and calls the same `Classifier`.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.errors import BenchmarkError

ROOT = Path(__file__).resolve().parents[2]
PEERS = Path(__file__).with_name("peers")
OURS, OURS_BASE64 = "edge-vision", "edge-vision, base64"
_KEY = secrets.token_urlsafe(24)
ADDRESS = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a subject runs: an empty folder, a bundle, and how many worker processes."""

    folder: Path
    bundle: str
    workers: int
    port: int


@dataclass(frozen=True, slots=True)
class Subject:
    """A service. `venv` is the environment with the lock file of the same name in `requirements/`."""

    name: str
    venv: str
    command: Callable[[str, Place], Sequence[str]]
    path: str
    body: Callable[[bytes], bytes]
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    def request(self, picture: bytes, port: int) -> bytes:
        """A picture's whole HTTP request, to be sent as it is over a connection that stays open."""
        body = self.body(picture)
        lines = [
            f"POST {self.path} HTTP/1.1",
            f"Host: {ADDRESS}:{port}",
            f"Content-Type: {self.media_type}",
            f"Content-Length: {len(body)}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode() + body

    def environment(self, place: Place) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(place.folder),  # some write to it at the first start
            "TMPDIR": str(place.folder),
            "PYTHONPATH": f"{ROOT}:{ROOT / 'libs'}:{PEERS}",
            "BENCHMARK_BUNDLE": place.bundle,
            "BENCHMARK_WORKERS": str(place.workers),
            "BENTOML_DO_NOT_TRACK": "True",
            "SCORING_KEY_PRIMARY": _KEY,
        }


def python_of(subject: Subject) -> str:
    """The interpreter of a subject's virtual environment, which is made when it is not there yet.

    Raises:
        BenchmarkError: it cannot be made.
    """
    done = subprocess.run(
        [str(ROOT / "scripts" / "venv"), f".venv-{subject.venv}", f"requirements/{subject.venv}.txt"],
        stdout=subprocess.PIPE,
        stderr=sys.stderr,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchmarkError(
            f"{subject.name}: .venv-{subject.venv} could not be made; leave it out by --only"
        )
    return done.stdout.strip()


def free_port() -> int:
    with socket.create_server((ADDRESS, 0)) as found:
        return int(found.getsockname()[1])


def _ours(python: str, place: Place) -> Sequence[str]:
    start = ["-P", "-m", "serving", "--port", str(place.port), "--workers", str(place.workers)]
    return [python, *start, "--bundle", place.bundle]


def _litserve(python: str, place: Place) -> Sequence[str]:
    return [python, str(PEERS / "litserve_app.py"), place.bundle, str(place.port), str(place.workers)]


def _mlserver(python: str, place: Place) -> Sequence[str]:
    settings: dict[str, Any] = {
        "host": ADDRESS,
        "http_port": place.port,
        "grpc_port": free_port(),
        "metrics_port": free_port(),
        "metrics_dir": str(place.folder),
        "parallel_workers": place.workers,
        "debug": False,
    }
    model = {"name": "model", "implementation": "mlserver_model.Classify"}
    (place.folder / "settings.json").write_text(json.dumps(settings))
    (place.folder / "model-settings.json").write_text(json.dumps(model))
    return [str(Path(python).with_name("mlserver")), "start", str(place.folder)]


def _bentoml(python: str, place: Place) -> Sequence[str]:
    start = ["serve", "bentoml_service:Classify", "--host", ADDRESS, "--port", str(place.port), "-q"]
    return [str(Path(python).with_name("bentoml")), *start, "--working-dir", str(PEERS)]


def _as_it_is(picture: bytes) -> bytes:
    return picture


def _text(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


def _json(of: Callable[[str], Any]) -> Callable[[bytes], bytes]:
    return lambda picture: json.dumps(of(_text(picture))).encode()


def _v2(text: str) -> Any:
    image = {"name": "image", "shape": [1], "datatype": "BYTES", "data": [text]}
    return {"inputs": [image | {"parameters": {"content_type": "base64"}}]}


_AUTHORIZATION = {"Authorization": f"Bearer {_KEY}"}

SUBJECTS = {
    subject.name: subject
    for subject in (
        Subject(OURS, "serve", _ours, "/score", _as_it_is, "image/jpeg", _AUTHORIZATION),
        Subject(
            OURS_BASE64,
            "serve",
            _ours,
            "/score",
            _json(lambda text: {"picture.jpg": text}),
            headers=_AUTHORIZATION,
        ),
        Subject("LitServe", "litserve", _litserve, "/predict", _json(lambda text: {"image_bytes": text})),
        Subject("MLServer", "mlserver", _mlserver, "/v2/models/model/infer", _json(_v2)),
        Subject("BentoML", "bentoml", _bentoml, "/classify", _as_it_is, "image/jpeg"),
    )
}
