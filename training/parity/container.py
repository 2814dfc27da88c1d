"""Asking the runtime in the classifier module's own image, for another architecture, on a Docker engine.

The image is the one that the device runs: the module's Dockerfile of that architecture. Files go in and out by
`docker cp`, so the engine may be a remote one (DOCKER_HOST); the container has no network. A foreign architecture
needs QEMU's user emulation registered with the kernel (Debian: qemu-user-static and binfmt-support).
"""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from image_classifier.bundle import DOCUMENT, Bundle
from image_classifier.labelled import Labelled
from training.parity.answers import Answers
from training.parity.environments import ROOT, NotAskedError, run_shown
from training.parity.pictures import add_file, pack

PLATFORMS = ("amd64", "arm32v7", "arm64v8")
_PROOF = PurePosixPath("proof")
_OUT = "/tmp/answers.npz"  # noqa: S108 - in the container
_ANY_TIME_MS = "600000"
"""Emulation's time says nothing of a device's."""
_CODE = ("dataset", "filetree", "layouts", "loading", "pictures", "python_batches", "records", "twins")
_PARITY = ("__init__", "answers", "ask", "pictures")


def require_engine() -> None:
    """Raises NotAskedError: there is no Docker engine that answers."""
    command = ["docker", "version", "--format", "{{.Server.Version}}"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    except FileNotFoundError:
        raise NotAskedError("no `docker` command: install Docker's CLI") from None
    except subprocess.TimeoutExpired:
        raise NotAskedError("the Docker engine does not answer within 30 s") from None
    if found.returncode:
        reason = (found.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise NotAskedError(f"no Docker engine: {reason} (start one, or set DOCKER_HOST)")


@dataclass(frozen=True, slots=True)
class Checked:
    """How `check` ended, and what it printed."""

    passed: bool
    text: str


@dataclass(frozen=True, slots=True)
class ModuleImage:
    """The classifier module's image of a platform, made by `build`."""

    platform: str
    tag: str

    def check(self, bundle: Bundle) -> Checked:
        """What `python -m image_classifier check` says of the bundle in the container, whatever its time.

        Raises:
            NotAskedError: the container cannot be run.
        """
        words = ["check", f"/{_PROOF}/bundle", "--budget-ms", _ANY_TIME_MS]
        code, text, _ = self._run(["python3", "-m", "image_classifier", *words], _packed(bundle, []))
        return Checked(code == 0, text.strip())

    def ask(self, bundle: Bundle, pictures: list[Labelled]) -> Answers:
        """The container's answers to `pictures`, which are in the order of their labels.

        Raises:
            NotAskedError: the container cannot be run, or refuses the bundle.
        """
        command = ["python3", "-m", "training.parity.ask", f"/{_PROOF}/bundle", "--out", _OUT]
        if pictures:
            command += ["--data", f"/{_PROOF}/pictures"]
        code, text, raw = self._run(command, _packed(bundle, pictures), _OUT)
        if code:
            raise NotAskedError(f"{self.tag}: {text.strip()[-2000:]}")
        with tarfile.open(fileobj=io.BytesIO(raw)) as archive, tempfile.TemporaryDirectory() as folder:
            archive.extract("answers.npz", folder, filter="data")
            return Answers.load(Path(folder, "answers.npz"))

    def _run(self, command: list[str], files: bytes, wanted: str | None = None) -> tuple[int, str, bytes]:
        """Run `command` with the files of a tar archive at its root: exit code, output, and the tar of `wanted`."""
        create = ["create", "--network", "none", "--env", f"PYTHONPATH=/{_PROOF}:/app", self.tag, *command]
        container = _docker(*create).decode().strip()
        try:
            _docker("cp", "-", f"{container}:/", content=files)
            start = ["docker", "start", "--attach", container]
            ended = subprocess.run(start, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)  # noqa: S603
            text = ended.stdout.decode("utf-8", "replace")
            code = int(_docker("inspect", "--format", "{{.State.ExitCode}}", container))
            return code, text, _docker("cp", f"{container}:{wanted}", "-") if wanted and not code else b""
        finally:
            _docker("rm", "--force", container)


def build(platform: str) -> ModuleImage:
    """Build the image, or find it in the engine's cache; minutes the first time under emulation.

    Raises:
        NotAskedError: no engine, or the build fails.
    """
    require_engine()
    tag = f"edge-vision-parity:{platform}"
    dockerfile = ROOT / "modules" / "classifier" / f"Dockerfile.{platform}"
    run_shown(
        ["docker", "build", "--quiet", "--tag", tag, "--file", dockerfile, ROOT], f"docker build {dockerfile}"
    )
    return ModuleImage(platform, tag)


def _packed(bundle: Bundle, pictures: list[Labelled]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in (bundle.file, DOCUMENT):
            add_file(archive, _PROOF / "bundle" / name, (bundle.folder / name).read_bytes())
        for folder, names in (("training", _CODE), ("training/parity", _PARITY)):
            for name in ("__init__", *names):
                source = ROOT / folder / f"{name}.py"
                add_file(archive, _PROOF / folder / source.name, source.read_bytes())
        pack(pictures, archive, _PROOF / "pictures")
    return buffer.getvalue()


def _docker(*words: str, content: bytes | None = None) -> bytes:
    done = subprocess.run(["docker", *words], input=content, capture_output=True, check=False)  # noqa: S603, S607
    if done.returncode:
        text = (done.stderr + done.stdout).decode("utf-8", "replace").strip()
        raise NotAskedError(f"docker {words[0]} {' '.join(words[-3:])}: {text[-2000:]}")
    return done.stdout
