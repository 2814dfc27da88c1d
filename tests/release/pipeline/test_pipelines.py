"""azure-pipelines.yml and .github/workflows/release.yml: valid, the steps of a rehearsal, no secret written out."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from release.pipeline.steps import rehearsal
from tests import commands
from tests.e2e.device import ROOT
from tests.patience import PATIENCE_S

SETS_UP_S = 6 * PATIENCE_S
FILES = {"github": ROOT / ".github" / "workflows" / "release.yml", "azure": ROOT / "azure-pipelines.yml"}
SCHEMAS = {
    "github": ("vendor.github-workflows", "custom.github-workflows-require-timeout"),
    "azure": ("vendor.azure-pipelines",),
}
READ = (
    "import json, sys; from ruamel.yaml import YAML; json.dump(YAML(typ='safe').load(sys.stdin), sys.stdout)"
)


@cache
def pipeline_python() -> str:
    command = [str(ROOT / "scripts" / "venv"), ".venv-pipeline", "requirements/pipeline.txt"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=SETS_UP_S)
    return done.stdout.strip()


def validate(name: str, file: Path) -> list[str]:
    """What check-jsonschema says against the schemas that it carries; one entry for each that is broken."""
    program = Path(pipeline_python()).with_name("check-jsonschema")
    told = []
    for schema in SCHEMAS[name]:
        # Azure's schema has patterns that only the older rules of JavaScript take
        command = [str(program), "--regex-variant", "nonunicode", "--builtin-schema", schema, str(file)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SETS_UP_S, check=False)
        told += [done.stdout + done.stderr] if done.returncode else []
    return told


@cache
def document(name: str) -> Any:
    command = [pipeline_python(), "-c", READ]
    text = FILES[name].read_text()
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True, timeout=SETS_UP_S)
    return json.loads(done.stdout)


def lines(value: Any) -> Iterator[str]:
    """Every line of every `run` and `script`, in the file's order."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in {"run", "script"} and isinstance(inner, str):
                yield from inner.splitlines()
            else:
                yield from lines(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from lines(inner)


def our_commands(name: str) -> list[list[str]]:
    """Words of the commands of scripts/, with `${{ ... }}` and `$(...)` filled in by a word."""
    found = []
    for line in lines(document(name)):
        plain = re.sub(r"\$\{\{.*?}}|\$\(\w[\w.]*\)", "amd64", line)
        words = shlex.split(plain, posix=True)
        if words and words[0].startswith("scripts/"):
            found.append([word for word in words if not word.startswith(">")])
    return found


@pytest.mark.parametrize("name", FILES)
def test_it_is_valid(name: str) -> None:
    assert validate(name, FILES[name]) == []


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("github", "runs-on: ubuntu", "run-on: ubuntu"),
        ("github", "    timeout-minutes: 30\n", ""),
        ("github", "needs: [check, test]", "needs: {check: test}"),
        ("azure", "- deployment: dev", "- deploymentt: dev"),
        ("azure", "- script: scripts/check", "- scripts: scripts/check"),
    ],
)
def test_a_mistake_is_found(name: str, old: str, new: str, tmp_path: Path) -> None:
    text = FILES[name].read_text()
    assert old in text
    file = tmp_path / FILES[name].name
    file.write_text(text.replace(old, new))
    assert validate(name, file)


@pytest.mark.parametrize("name", FILES)
def test_every_command_exists_and_has_these_options(name: str) -> None:
    found = our_commands(name)
    assert len(found) > 8
    assert [told for words in found if (told := commands.problem(words))] == []


def essence(words: list[str]) -> str:
    """Which script, and from where to where: what does not depend on the machine."""
    options = dict(zip(words, [*words[1:], ""], strict=True))
    places = [f"{name} {options[name]}" for name in ("--from", "--to") if name in options]
    flags = [name for name in ("--push", "--version-from-content", "--check") if name in options]
    return " ".join([words[0], *places, *flags])


def test_both_do_what_a_rehearsal_does_in_the_same_order(tmp_path: Path) -> None:
    rehearsed = [
        essence(list(step.command))
        for step in rehearsal(["amd64"], [], tmp_path)
        if not step.name.startswith(("break ", "test what came back", "deploy to a fleet"))
    ]
    for name in FILES:
        steps = [essence(words) for words in our_commands(name) if "--notes" not in words]
        assert steps == rehearsed, name
    assert rehearsed[-1] == "scripts/promote --from test --to prod"


def test_what_needs_neither_cached_images_nor_training_is_tested_before_a_release() -> None:
    suites = {f"scripts/{file.name}" for file in (ROOT / "scripts").glob("test*")}
    elsewhere = {"scripts/test-images", "scripts/test-models", "scripts/test-serve"}
    for name in FILES:
        assert suites - elsewhere == {words[0] for words in our_commands(name) if words[0] in suites}, name


@pytest.mark.parametrize("name", FILES)
def test_an_image_is_pushed_by_the_job_that_scanned_it_and_after_that(name: str) -> None:
    """What has a finding never reaches a registry: `scripts/audit` ends with 1, and the rest of the job is left out."""
    pushing = [job for job in jobs(name) if any("push" in line for line in lines(job))]
    (steps,) = [job["steps"] for job in pushing]
    ours = [line.split()[0] for line in lines(steps) if line.startswith("scripts/")]
    assert ours == ["scripts/build", "scripts/sbom", "scripts/audit", "scripts/push"]
    for step in steps:
        assert not {"continue-on-error", "continueOnError"} & step.keys()
        assert not re.search(r"always\(|failed\(|failure\(|cancelled\(", str(step))


def jobs(name: str) -> list[dict[str, Any]]:
    if name == "github":
        return list(document(name)["jobs"].values())
    return [job for stage in document(name)["stages"] for job in stage["jobs"]]


def test_runs_build_and_deploy_one_after_the_other_and_none_is_left_out() -> None:
    """A push to main and its tag are two runs that build the same content under the same name."""
    jobs_of = document("github")["jobs"]
    of_matrix = {"build": "build-${{ matrix.platform }}"}
    environments = {name: job["environment"] for name, job in jobs_of.items() if "environment" in job}
    assert len(environments) == 3
    for name, group in {**of_matrix, **environments}.items():
        assert jobs_of[name]["concurrency"] == {"group": group, "queue": "max"}
    assert document("azure")["lockBehavior"] == "sequential"


@pytest.mark.parametrize(
    ("ref", "released"),
    [("refs/tags/v1.2.0", True), ("refs/tags/v1.2.0-rc1", False), ("refs/heads/main", False)],
)
def test_production_takes_tags_that_are_no_pre_releases(ref: str, released: bool) -> None:
    azure = next(stage for stage in document("azure")["stages"] if stage["stage"] == "prod")["condition"]
    conditions = {"github": document("github")["jobs"]["prod"]["if"], "azure": azure}
    for name, condition in conditions.items():
        assert holds(condition, ref) is released, name
    assert document("github")["jobs"]["publish"]["needs"] == "prod"


def holds(condition: str, ref: str) -> bool:
    """What either service would decide of a run of this ref that has not failed: both have these functions."""
    python = condition.replace("&&", " and ").replace("!", " not ")
    python = re.sub(r"\b(and|not)\(", r"\1_(", python)
    known = {
        "and_": lambda *given: all(given),
        "not_": lambda given: not given,
        "succeeded": lambda: True,
        "startsWith": str.startswith,
        "contains": str.__contains__,
        "variables": {"Build.SourceBranch": ref},
        "github": SimpleNamespace(ref=ref, ref_name=ref.split("/", 2)[2]),
    }
    return bool(eval(python.strip(), {"__builtins__": {}}, known))  # noqa: S307 - text of this repository


@pytest.mark.parametrize("name", FILES)
def test_no_secret_is_written_out(name: str) -> None:
    pairs = re.findall(
        r"^\s*(\w*(?:PASSWORD|USERNAME|CONNECTION_STRING|TOKEN)): (.+)$",
        FILES[name].read_text(),
        re.MULTILINE,
    )
    assert len(pairs) >= 12
    for key, value in pairs:
        assert value in {f"${{{{ secrets.{key} }}}}", f"$({key})", "${{ github.token }}"}


@pytest.mark.parametrize("name", FILES)
def test_each_environment_has_its_own_step(name: str) -> None:
    named = set(
        re.findall(r"^\s*(?:- )?environment: (?:edge-vision-)?(\w+)", FILES[name].read_text(), re.MULTILINE)
    )
    assert named == {file.stem for file in (ROOT / "environments").iterdir()}


def test_every_platform_of_the_modules_is_built() -> None:
    platforms = set(
        json.loads((ROOT / "modules/camera/module.json").read_text())["image"]["tag"]["platforms"]
    )
    released = {platform for platform in platforms if not platform.endswith(".debug")}
    assert set(document("github")["jobs"]["build"]["strategy"]["matrix"]["platform"]) == released
    (build,) = [stage for stage in document("azure")["stages"] if stage["stage"] == "build"]
    matrix = build["jobs"][0]["strategy"]["matrix"]
    assert {entry["platform"] for entry in matrix.values()} == released
