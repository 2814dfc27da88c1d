"""What an image holds, and that it proves itself on its architecture, confined as on a device."""

from __future__ import annotations

import json
import posixpath
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from docker import DockerClient
from docker.errors import ContainerError

from edge_runtime.manifest import load
from release.images.record import ImagesRecord
from tests.e2e.device import ROOT, TEMPLATE
from tests.e2e.images.emulation import processor, volumes

LARGEST_MB = {"camera": 200, "classifier": 120, "results_filter": 120}
LARGEST_CAMERA_ON_ARM32_MB = 350


@dataclass(frozen=True, slots=True)
class Image:
    """One module's, of one platform."""

    module: str
    platform: str
    reference: str
    size_bytes: int
    client: DockerClient

    @property
    def config(self) -> dict[str, Any]:
        config: dict[str, Any] = self.client.images.get(self.reference).attrs["Config"]
        return config

    def run(self, *command: str, **options: Any) -> str:
        """Its output, when a container with the template's limits ends with 0. Raises ContainerError."""
        confined = {
            "read_only": True,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "network_mode": "none",
            "tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,size=16m"},
            "volumes": volumes(self.platform),
        }
        options["environment"] = {**processor(self.platform), **options.get("environment", {})}
        arguments: dict[str, Any] = {"remove": True, "stderr": True, **confined, **options}
        output: bytes = self.client.containers.run(self.reference, list(command), **arguments)
        return output.decode()


@pytest.fixture(scope="session")
def image(images: ImagesRecord, module: str, platform: str, client: DockerClient) -> Image:
    record = images.images[module]
    client.images.pull(record.reference)
    return Image(module, platform, record.reference, record.size_bytes or 0, client)


@pytest.fixture(scope="session")
def names(image: Image) -> list[str]:
    """Every file of the image, as `usr/bin/python3`."""
    container = image.client.containers.create(image.reference)
    try:
        chunks: Any = container.export()  # bytes, though the stubs say text
        return sorted(_names(chunks))
    finally:
        container.remove()


class _Stream:
    """A tar as it comes out of the engine."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int) -> bytes:
        while len(self._rest) < size and (chunk := next(self._chunks, b"")):
            self._rest += chunk
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


def _names(chunks: Iterator[bytes]) -> Iterator[str]:
    with tarfile.open(fileobj=_Stream(chunks), mode="r|") as archive:  # type: ignore[call-overload]
        yield from (entry.name.removeprefix("./") for entry in archive if entry.isfile() or entry.issym())


def test_the_self_test_passes(image: Image) -> None:
    said = image.run("python3", "-m", image.module, "--self-test")
    expected = {
        "camera": "encodes and decodes PNG and JPEG, OpenCV",
        "classifier": "9 golden vectors, "
        + ("tflite-runtime" if image.platform == "arm32v7" else "ai-edge-litert"),
        "results_filter": "the policy gave start, end",
    }
    assert expected[image.module] in said, said


def test_a_broken_self_test_ends_with_1(image: Image) -> None:
    broken = {"camera": {"SOURCE": "folder:/nowhere"}, "classifier": {"MODEL": "/nowhere"}}
    if image.module not in broken:
        pytest.skip("its self-test depends on nothing from outside")
    with pytest.raises(ContainerError) as caught:
        image.run("python3", "-m", image.module, "--self-test", environment=broken[image.module])
    assert caught.value.exit_status == 1


def test_it_starts_without_a_shell_as_nobody_in_particular(image: Image) -> None:
    config = image.config
    assert config["User"] == "10001:10001"
    assert config["Cmd"] == ["python3", "-m", image.module]
    assert not config["Entrypoint"]
    assert config["Healthcheck"]["Test"] == ["CMD", "python3", "-m", "module_kit.healthcheck"]
    assert config["WorkingDir"] == "/app"
    assert {entry.partition("=")[0] for entry in config["Env"]} == {
        *("PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"),
    }


def test_it_says_what_it_is_made_of(image: Image, images: ImagesRecord) -> None:
    labels, record = image.config["Labels"], images.images[image.module]
    assert labels["edge-vision.content-sha256"] == record.content_sha256
    assert labels["org.opencontainers.image.version"] == record.tag
    revision = labels.get("org.opencontainers.image.revision")
    if record.build_seconds is not None:
        assert revision == images.commit
    else:  # of an earlier commit with the same content
        assert revision is None or re.fullmatch(r"[0-9a-f]{40}(-dirty)?", revision)


def test_a_device_downloads_no_more_than_it_should(image: Image) -> None:
    largest = LARGEST_MB[image.module]
    if (image.module, image.platform) == ("camera", "arm32v7"):
        largest = LARGEST_CAMERA_ON_ARM32_MB
    assert 0 < image.size_bytes <= largest * 10**6


def test_it_runs_the_architecture_s_programs(image: Image) -> None:
    expected = {"amd64": "x86_64", "arm64v8": "aarch64"}
    printed = image.run("python3", "-c", "import os, sys; print(os.uname().machine, sys.maxsize)").split()
    assert printed[0].startswith(expected.get(image.platform, "armv7"))
    assert (int(printed[1]) < 2**32) is (image.platform == "arm32v7")


HEALTH = """
import subprocess, sys
check = [sys.executable, "-m", "module_kit.healthcheck"]
codes = [subprocess.run(check).returncode]
open("/tmp/heartbeat", "w").close()
codes.append(subprocess.run(check).returncode)
print(codes)
"""


def test_the_health_check_reads_the_heartbeat(image: Image) -> None:
    said = image.run("python3", "-c", HEALTH, environment={"HEARTBEAT_FILE": "/tmp/heartbeat"})
    assert said.splitlines()[-1] == "[1, 0]", said


def test_the_health_check_loads_the_standard_library_alone(image: Image) -> None:
    program = (
        "import sys; before = set(sys.modules); import module_kit.healthcheck; "
        "print(sorted({m.split('.')[0] for m in set(sys.modules) - before} - sys.stdlib_module_names))"
    )
    assert image.run("python3", "-c", program).strip() == "['module_kit']"


def test_its_root_is_the_engine_s_to_write_and_nobody_else_s(image: Image) -> None:
    program = (
        "import os; "
        "print([p for p in ('/', '/app', '/opt/venv', '/etc', '/usr/lib', '/home') if os.access(p, os.W_OK)])"
    )
    assert image.run("python3", "-c", program, read_only=False).strip() == "[]"


@pytest.mark.parametrize("package", ["pip", "setuptools", "wheel", "pytest", "debugpy"])
def test_tools_of_the_build_are_not_in_it(image: Image, package: str) -> None:
    program = f"import importlib.util; print(importlib.util.find_spec({package!r}))"
    assert image.run("python3", "-c", program).strip() == "None"


def test_code_is_there_with_its_bytecode_once(names: list[str], image: Image) -> None:
    """For what runs, that is: the root is read-only, so what is missing would be compiled at every start."""
    present = set(names)
    sources = [name for name in names if name.endswith(".py") and name.startswith(("app/", "opt/venv/lib/"))]
    assert len(sources) > 50
    assert [s for s in sources if _bytecode(s) not in present] == []
    compiled = {
        name for name in names if name.endswith(".pyc") and name.startswith(("app/", "opt/venv/lib/"))
    }
    assert compiled == {_bytecode(source) for source in sources}


def _bytecode(source: str) -> str:
    folder, file = posixpath.split(source)
    return f"{folder}/__pycache__/{file.removesuffix('.py')}.cpython-311.pyc"


def test_nothing_is_in_it_that_it_does_not_need(names: list[str]) -> None:
    unwanted = re.compile(
        r"(^|/)\.env($|\.)|(^|/)\.git/|(^|/)(id_rsa|.*\.key)$"  # secrets
        r"|^app/.*(^|/)tests?/|^(opt/venv|usr/lib/python3/dist-packages)/.*/tests/"
        r"|^var/lib/apt/lists/.*Packages|^var/cache/apt/archives/.*\.deb$|^root/\.cache/|^build/"
        r"|^usr/share/(man|locale)/.*\.(gz|mo)$"
        r"|^(app|opt/venv)/.*(\.pyi|conftest\.py|(?<!LICENSE)\.md)$"  # of Debian's packages these stay
    )
    # pip's own licence texts and the base image's certificates are neither code nor secrets.
    found = [
        n for n in names if unwanted.search(n) and not re.search(r"dist-info/|^etc/ssl/|^usr/share/ca-", n)
    ]
    assert found == []


def test_it_holds_what_the_dockerfile_copies_and_no_other_module(names: list[str], image: Image) -> None:
    folders = {name.split("/")[1] for name in names if name.startswith("app/")}
    libraries = {"module_kit", "image_classifier"} if image.module == "classifier" else {"module_kit"}
    assert folders == {image.module, *libraries}


def test_its_history_and_environment_hold_no_secret(image: Image) -> None:
    history = json.dumps(image.client.images.get(image.reference).history())
    assert not re.search(
        r"password|secret|SharedAccessKey|token", history + json.dumps(image.config), re.IGNORECASE
    )


PROBE = """
import errno, json, os
from pathlib import Path
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
def write(path):
    try:
        Path(path).write_text("x")
    except OSError as error:
        return errno.errorcode[error.errno]
def first(*paths):
    return next((int(Path(p).read_text()) for p in paths if Path(p).exists()), None)
mounts = {m.split()[1]: m.split()[3].split(",") for m in Path("/proc/mounts").read_text().splitlines()}
print(json.dumps({
    "user": [os.getuid(), os.getgid()],
    "capabilities": int(status["CapEff"], 16) | int(status["CapBnd"], 16),
    "noNewPrivileges": status["NoNewPrivs"].strip(),
    "root": write("/x"), "app": write("/app/x"), "tmp": write("/tmp/x"), "tmpOptions": mounts["/tmp"],
    "memory": first("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"),
    "pids": first("/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max"),
}))
"""


def test_the_template_s_create_options_hold_in_its_container(image: Image) -> None:
    """As a device's engine gets them: createOptions are the body of the request that makes the container."""
    manifest = load(TEMPLATE, environment={}, env_file=ROOT / ".env.template", platform=image.platform)
    options = next(spec.create_options for spec in manifest.modules if spec.name == image.module)
    api = image.client.api
    body = {**options, "Image": image.reference, "Cmd": ["python3", "-c", PROBE]}
    identifier = api.create_container_from_config(body)["Id"]  # type: ignore[no-untyped-call]
    try:
        api.start(identifier)
        assert api.wait(identifier)["StatusCode"] == 0, api.logs(identifier)
        seen = json.loads(api.logs(identifier))
        host = api.inspect_container(identifier)["HostConfig"]
    finally:
        api.remove_container(identifier, force=True)
    wanted = options["HostConfig"]
    assert {name: host[name] for name in wanted} == wanted
    assert seen["user"] == [10001, 10001]
    assert (seen["capabilities"], seen["noNewPrivileges"]) == (0, "1")
    assert (seen["root"], seen["app"], seen["tmp"]) == ("EROFS", "EROFS", None)
    assert {"noexec", "nosuid", "nodev"} <= set(seen["tmpOptions"])
    assert (seen["memory"], seen["pids"]) == (wanted["Memory"], wanted["PidsLimit"])
