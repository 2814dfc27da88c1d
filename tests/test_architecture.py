"""The dependency rule of the design, held by reading the imports, the Dockerfiles and the build context's list."""

from __future__ import annotations

import ast
import difflib
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from statistics import median

import pytest

from edge_runtime.manifest.dockerfile import ImageRecipe, read

ROOT = Path(__file__).parents[1]
IMPORT_ROOTS = (".", "libs", "modules/camera", "modules/classifier", "modules/results_filter")
MODULES = ("camera", "classifier", "results_filter")
LIBRARIES = ("module_kit", "image_classifier")
SERVING_PLATFORMS = ("amd64", "arm64v8")
OURS = (
    *MODULES,
    *LIBRARIES,
    "edge_runtime",
    "training",
    "serving",
    "targets",
    "release",
    "demo",
    "benchmarks",
    "fuzzing",
)

# Who may import which of our packages, itself aside. The longest name that fits a file counts.
ALLOWED: dict[str, tuple[str, ...]] = {
    "camera": ("module_kit",),
    "classifier": ("module_kit", "image_classifier"),
    "results_filter": ("module_kit",),
    "module_kit": (),
    "image_classifier": (),
    "serving": ("image_classifier",),
    "targets": LIBRARIES,
    "training": LIBRARIES,
    "training.report": (*LIBRARIES, "training", "benchmarks"),  # above both: it shows what they measured
    "demo": (),  # a client of the observer API
    "release": ("edge_runtime.manifest",),
    "benchmarks": OURS,
    "fuzzing": LIBRARIES,
    "fuzzing.stores": ("fuzzing", "edge_runtime.hub"),
    "edge_runtime": (),
    "edge_runtime.routing": (),
    "edge_runtime.manifest": ("edge_runtime.routing",),
    "edge_runtime.hub": ("edge_runtime.lasting", "edge_runtime.routing", "edge_runtime.version"),
    "edge_runtime.heads": (
        "edge_runtime.hub",
        "edge_runtime.exposition",
        "edge_runtime.host_header",
        "edge_runtime.http_log",
        "edge_runtime.lasting",
    ),
    "edge_runtime.agent": (
        "edge_runtime.lasting",
        "edge_runtime.manifest",
        "edge_runtime.state_folder",
        "edge_runtime.exposition",
        "edge_runtime.version",
    ),
    "edge_runtime.page": (  # a client of public APIs alone
        "edge_runtime.heads.http_listener",  # knows no hub
        "edge_runtime.host_header",
        "edge_runtime.iothub.event",
        "edge_runtime.iothub.store",
        "edge_runtime.lasting",
    ),
    "edge_runtime.iothub": ("edge_runtime.manifest", "edge_runtime.state_folder"),
    "edge_runtime.iothub.service": (
        "edge_runtime.http_log",
        "edge_runtime.state_folder",
        "edge_runtime.iothub.devicebound",
        "edge_runtime.iothub.store",
        # Pure: who a token is for, and what a twin may hold.
        "edge_runtime.hub.message",
        "edge_runtime.hub.ports",
        "edge_runtime.hub.sas",
        "edge_runtime.hub.twin_rules",
        # The hub process itself is reached through its control API alone.
        "edge_runtime.supervisor.control_client",
    ),
}


def tracked(*patterns: str) -> list[Path]:
    """Files of the repository, also those not committed yet, but nothing that git ignores."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *patterns]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted(ROOT / name for name in names if name and (ROOT / name).is_file())


@cache
def sources() -> dict[str, Path]:
    """Dotted name of each of our Python modules, and its file."""
    found = {}
    for root in IMPORT_ROOTS:
        for name in OURS:
            for file in tracked(f"{root}/{name}/*.py" if root != "." else f"{name}/*.py"):
                parts = file.relative_to(ROOT / root).with_suffix("").parts
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imports(tree: ast.AST, known: frozenset[str]) -> Iterator[tuple[str, int]]:
    """Our modules that a file imports anywhere, with the line; what only a type checker sees does not count."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names if alias.name.split(".")[0] in OURS)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in OURS:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in known else node.module, node.lineno
        else:
            yield from imports(node, known)


@cache
def graph() -> dict[str, dict[str, int]]:
    known = frozenset(sources())
    return {name: dict(imports(ast.parse(file.read_text()), known)) for name, file in sources().items()}


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def area(name: str) -> str:
    return max((a for a in ALLOWED if within(name, a)), key=len)


def forbidden(name: str, imported: str) -> bool:
    own = area(name)
    if own == "edge_runtime":  # the composition: the command line and the processes that join the layers
        return not within(imported, "edge_runtime")
    return not any(within(imported, allowed) for allowed in (own, *ALLOWED[own]))


@pytest.mark.parametrize(
    ("name", "imported", "expected"),
    [
        ("camera.feed", "module_kit.module", False),
        ("camera.feed", "image_classifier.decoding", True),
        ("results_filter.policy", "image_classifier", True),
        ("classifier.engine", "image_classifier.model", False),
        ("classifier.engine", "camera.picture", True),
        ("module_kit.module", "camera", True),
        ("edge_runtime.routing.parser", "edge_runtime.hub.message", True),
        ("edge_runtime.hub.core", "edge_runtime.heads.mqtt", True),
        ("edge_runtime.heads.mqtt.head", "edge_runtime.hub.ports", False),
        ("edge_runtime.manifest.check", "edge_runtime.routing", False),
        ("edge_runtime.manifest.check", "edge_runtime.agent", True),
        ("edge_runtime.page.live", "edge_runtime.hub.feed", True),
        ("edge_runtime.page.server", "edge_runtime.supervisor.runtime", True),
        ("edge_runtime.supervisor", "edge_runtime.agent", False),
        ("edge_runtime.supervisor", "module_kit", True),
        ("release.deploy", "edge_runtime.manifest.manifest", False),
        ("release.deploy", "edge_runtime.hub", True),
        ("demo.view", "edge_runtime", True),
        ("training.fit", "image_classifier", False),
        ("serving.scoring", "image_classifier.bundle", False),
        ("serving.scoring", "module_kit.logs", True),
        ("training.candidates", "benchmarks.model", True),
        ("benchmarks.model.command", "training.interleaving", False),
        ("benchmarks.model.subjects", "image_classifier.bundle", False),
    ],
)
def test_the_rule_itself(name: str, imported: str, expected: bool) -> None:
    assert forbidden(name, imported) is expected


def test_every_import_follows_the_rule() -> None:
    broken = [
        f"{sources()[name].relative_to(ROOT)}:{line}: {name} imports {imported}"
        for name, found in graph().items()
        for imported, line in found.items()
        if forbidden(name, imported)
    ]
    assert not broken, "\n".join(broken)


def test_every_package_of_ours_is_seen() -> None:
    assert {name.split(".")[0] for name in sources()} >= {
        *MODULES,
        *LIBRARIES,
        "edge_runtime",
        "training",
        "benchmarks",
    }
    assert len(sources()) > 100


def test_no_import_goes_in_a_circle() -> None:
    try:
        TopologicalSorter(graph()).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' -> '.join(error.args[1])}")


def test_no_file_is_longer_than_400_lines() -> None:
    lengths = {file: len(file.read_text().splitlines()) for file in tracked("*.py")}
    long = [f"{file.relative_to(ROOT)}: {n} lines" for file, n in lengths.items() if n > 400]
    assert not long, "\n".join(long)
    assert median(lengths.values()) <= 150


def test_no_package_is_named_for_a_lack_of_a_name() -> None:
    assert not [
        str(f)
        for f in tracked("*.py")
        if {*f.relative_to(ROOT).with_suffix("").parts} & {"utils", "common", "helpers"}
    ]


def test_only_ci_names_the_folder_that_is_not_in_the_repository() -> None:
    name = re.compile(rb"(\.\./|/work/)sha" + rb"red\b")
    found = [f for f in tracked() if name.search(f.read_bytes())]
    assert {str(f.relative_to(ROOT)) for f in found} <= {".ci/run"}


# --- images -------------------------------------------------------------------------------------------


def dockerfile(module: str, platform: str) -> Path:
    return ROOT / "modules" / module / f"Dockerfile.{platform}"


def without_from(file: Path) -> list[str]:
    return [re.sub(r"^FROM \S+", "FROM", line) for line in file.read_text().splitlines()]


@pytest.mark.parametrize("module", MODULES)
def test_dockerfiles_of_a_module_are_the_same_but_for_from(module: str) -> None:
    first, *others = (dockerfile(module, platform) for platform in ("amd64", "arm32v7", "arm64v8"))
    for other in others:
        assert without_from(other) == without_from(first)


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("platform", ["amd64", "arm32v7", "arm64v8"])
def test_every_stage_is_made_from_the_architecture_s_debian(module: str, platform: str) -> None:
    bases = re.findall(r"^FROM (\S+)", dockerfile(module, platform).read_text(), re.MULTILINE)
    assert set(bases) == {f"{platform}/debian:bookworm-slim"}


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("platform", ["amd64", "arm32v7", "arm64v8"])
def test_the_debug_image_adds_the_debugger_and_nothing_else(module: str, platform: str) -> None:
    names = platform, f"{platform}.debug"
    release, debug = (dockerfile(module, name).read_text().splitlines() for name in names)
    changed = [line for line in difflib.ndiff(release, debug) if line[:2] in ("+ ", "- ")]
    added = [line for line in changed if line.startswith("+ ")]
    assert len(added) == 3
    assert all(re.search(r"debug|EXPOSE 5678", line) for line in added)
    assert sum(line.startswith("- CMD") for line in changed) == 1


def libraries_of(package: str) -> set[str]:
    """Libraries that a package's code imports, directly or through another library."""
    direct = {
        imported.split(".")[0]
        for name, found in graph().items()
        if within(name, package)
        for imported in found
        if not within(imported, package)
    }
    return direct.union(*(libraries_of(library) for library in direct))


def recipe(module: str, platform: str = "amd64") -> ImageRecipe:
    return read(dockerfile(module, platform), ROOT)


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("platform", ["amd64", "arm32v7", "arm64v8", "amd64.debug", "arm64v8.debug"])
def test_an_image_holds_the_libraries_that_the_module_imports_and_no_other(
    module: str, platform: str
) -> None:
    copies = {
        copy.source.relative_to(ROOT).as_posix(): copy.destination for copy in recipe(module, platform).copies
    }
    expected = {f"libs/{library}": f"/app/{library}" for library in libraries_of(module)}
    assert copies == {f"modules/{module}/{module}": f"/app/{module}", **expected}


@pytest.mark.parametrize("module", MODULES)
def test_an_image_starts_python_as_nobody_in_particular(module: str) -> None:
    assert recipe(module).workdir == "/app"
    assert recipe(module).command == ("python3", "-m", module)
    text = dockerfile(module, "amd64").read_text()
    assert "\nUSER 10001:10001\n" in text
    assert re.search(
        r'^HEALTHCHECK .* CMD \["python3", "-m", "module_kit\.healthcheck"\]$', text, re.MULTILINE
    )
    assert "compileall -q /app" in text


@pytest.mark.parametrize("file", tracked("modules/*/Dockerfile.*"), ids=lambda f: f"{f.parent.name}-{f.name}")
def test_no_dockerfile_needs_buildkit(file: Path) -> None:
    assert not re.search(r"--mount|--platform|<<|^# *syntax=|--link|--chmod", file.read_text(), re.MULTILINE)


@pytest.mark.parametrize("platform", SERVING_PLATFORMS)
def test_the_scoring_service_s_image_keeps_the_rules_of_the_modules(platform: str) -> None:
    file = ROOT / "serving" / f"Dockerfile.{platform}"
    assert without_from(file) == without_from(ROOT / "serving" / "Dockerfile.amd64")
    text = file.read_text()
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {f"{platform}/debian:bookworm-slim"}
    assert not re.search(r"--mount|--platform|<<|^# *syntax=|--link|--chmod", text, re.MULTILINE)
    assert "\nUSER 10001:10001\n" in text
    assert "compileall -q /app" in text
    assert re.search(
        r'^HEALTHCHECK .* CMD \["python3", "-m", "serving\.healthcheck", "8080"\]$', text, re.MULTILINE
    )
    found = read(file, ROOT)
    assert found.workdir == "/app"
    assert found.command[:3] == ("python3", "-m", "serving")
    libraries = {f"libs/{library}": f"/app/{library}" for library in libraries_of("serving")}
    copies = {copy.source.relative_to(ROOT).as_posix(): copy.destination for copy in found.copies}
    assert copies == {"serving": "/app/serving", **libraries}


def admitted(path: str) -> bool:
    """Docker's rule for a build context: the last pattern that fits a path or a folder above it decides."""
    admitted_ = True
    parents = [path, *(p.as_posix() for p in Path(path).parents if p.name)]
    for raw in (ROOT / ".dockerignore").read_text().splitlines():
        line = raw.strip()
        if line and not line.startswith("#"):
            pattern = re.escape(line.removeprefix("!")).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
            if any(re.fullmatch(pattern, parent) for parent in parents):
                admitted_ = line.startswith("!")
    return admitted_


@pytest.mark.parametrize(
    "path",
    [
        *(".env", ".env.prod", "prod.env", "environments/prod.env", "modules/.env", "modules/camera/.env"),
        *("libs/module_kit/.env", "modules/camera/.env.local", "modules/camera/camera/secrets.env"),
        *(
            ".git/config",
            ".venv/bin/python",
            "tests/conftest.py",
            "training/fit.py",
            "config/deployment.amd64.json",
        ),
        *("README.md", "libs/module_kit/__pycache__/a.pyc", "edge_runtime/__main__.py"),
        *(
            "serving/Dockerfile.amd64",
            "serving/module.json",
            "serving/README.md",
            "serving/prod.env",
            "targets/arc/x.yaml",
        ),
    ],
)
def test_the_build_context_leaves_out(path: str) -> None:
    assert not admitted(path)


def test_the_build_context_holds_all_that_the_images_copy() -> None:
    for module in MODULES:
        wanted = [copy.source for copy in recipe(module).copies] + [
            ROOT / "modules" / module / "requirements"
        ]
        for source in wanted:
            for file in tracked(str(source.relative_to(ROOT))):
                assert admitted(file.relative_to(ROOT).as_posix()) or file.suffix == ".md", file
    not_copied = {"module.json", *(f"Dockerfile.{platform}" for platform in SERVING_PLATFORMS)}
    for file in tracked("serving"):
        wanted_here = file.suffix != ".md" and file.name not in not_copied
        assert admitted(file.relative_to(ROOT).as_posix()) == wanted_here, file
