from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edge_runtime.manifest import ModuleSource, load
from release.images.content import ContentError, base_images, content_sha256, copied_files
from tests.release.images.solution import BASE, DOCKERFILE, write_solution

ROOT = Path(__file__).parents[3]
IDS = {BASE: "sha256:1"}

Change = Callable[[ModuleSource], ModuleSource | None]


def names(source: ModuleSource) -> list[str]:
    return [file.relative_to(source.context).as_posix() for file in copied_files(source)]


def write(name: str, text: str) -> Change:
    def change(source: ModuleSource) -> None:
        (source.context / name).write_text(text)

    return change


def edit_dockerfile(old: str, new: str) -> Change:
    def change(source: ModuleSource) -> None:
        source.dockerfile.write_text(source.dockerfile.read_text().replace(old, new))

    return change


def make_executable(source: ModuleSource) -> None:
    (source.context / "libs/kit/a.py").chmod(0o755)


def rename(source: ModuleSource) -> None:
    (source.context / "libs/kit/a.py").rename(source.context / "libs/kit/c.py")


def test_another_checkout_of_the_same_files_has_the_same_content(tmp_path: Path) -> None:
    one, other = write_solution(tmp_path / "one"), write_solution(tmp_path / "elsewhere")
    for file in (tmp_path / "elsewhere").rglob("*.py"):
        os.utime(file, (1, 1))
        file.chmod(0o600)
    assert content_sha256(one, IDS) == content_sha256(other, IDS)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(write("modules/eye/eye/__main__.py", "print('other')\n"), id="code"),
        pytest.param(write("modules/eye/eye/more.py", ""), id="new file"),
        pytest.param(write("libs/kit/a.py", "a = 2\n"), id="library"),
        pytest.param(write("modules/eye/requirements.txt", "x==2\n"), id="copied by an early stage"),
        pytest.param(edit_dockerfile("CMD", "ENV A=1\nCMD"), id="Dockerfile"),
        pytest.param(make_executable, id="executable"),
        pytest.param(rename, id="name of a file"),
        pytest.param(lambda s: replace(s, platform="arm32v7"), id="platform"),
        pytest.param(lambda s: replace(s, build_options=("--build-arg=A=1",)), id="build option"),
    ],
)
def test_every_input_counts(tmp_path: Path, change: Change) -> None:
    source = write_solution(tmp_path)
    before = content_sha256(source, IDS)
    assert content_sha256(change(source) or source, IDS) != before


def test_the_base_image_counts(tmp_path: Path) -> None:
    source = write_solution(tmp_path)
    assert content_sha256(source, IDS) != content_sha256(source, {BASE: "sha256:2"})


@pytest.mark.parametrize(
    "name", ["libs/other/b.py", "modules/eye/README.md", "libs/kit/notes.md", ".dockerignore"]
)
def test_what_the_image_does_not_copy_does_not_count(tmp_path: Path, name: str) -> None:
    source = write_solution(tmp_path)
    before = content_sha256(source, IDS)
    with (tmp_path / name).open("a") as file:
        file.write("\n# more\n")
    assert content_sha256(source, IDS) == before


def test_patterns_folders_and_lists_name_files(tmp_path: Path) -> None:
    source = write_solution(tmp_path)
    source.dockerfile.write_text(f'FROM {BASE}\nCOPY ["libs/*/?.py", "./modules/eye/eye/", "/x/"]\n')
    assert names(source) == ["libs/kit/a.py", "libs/other/b.py", "modules/eye/eye/__main__.py"]


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("COPY nothing /app", "COPY nothing: the build context"),
        ("COPY modules/eye/README.md /app", "its .dockerignore leaves it out"),
        ("COPY $HERE /app", "COPY $HERE: what this brings"),
        ("ADD https://example.org/x /app", "what this brings"),
        ('COPY ["libs", /app', "Dockerfile.amd64:8: COPY"),
    ],
)
def test_what_cannot_be_told_is_refused_with_its_line(tmp_path: Path, line: str, part: str) -> None:
    source = write_solution(tmp_path)
    source.dockerfile.write_text(f"{DOCKERFILE}{line}\n")
    with pytest.raises(ContentError, match=r"Dockerfile\.amd64:8: ") as caught:
        content_sha256(source, IDS)
    assert part in str(caught.value)


def test_bases_are_the_images_that_no_stage_makes(tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text(
        "FROM --platform=linux/amd64 a:1 AS One\nFROM one\nFROM scratch\n"
        "COPY --from=0 /x /y\nCOPY --from=one /x /y\nCOPY --from=b:2 /x /y\nFROM a:1\n"
    )
    assert base_images(file) == ("a:1", "b:2")


@pytest.mark.parametrize("platform", ["amd64", "arm32v7", "arm64v8", "amd64.debug"])
def test_our_modules_content_is_their_code_libraries_and_locks(platform: str) -> None:
    manifest = load(ROOT / "deployment.template.json", environment={}, platform="amd64")
    found = {s.folder.name: names(s) for s in manifest.sources.all() if s.platform == platform}
    assert set(found) == {"camera", "classifier", "results_filter"}
    folders = {name.split("/")[1] for name in found["classifier"]}
    assert folders == {"module_kit", "image_classifier", "classifier"}
    for module, files in found.items():
        assert f"modules/{module}/requirements/armhf.txt" in files
        assert not [name for name in files if "__pycache__" in name or name.endswith((".md", ".env"))]
