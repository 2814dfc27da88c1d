"""The version of a checkout, and its changelog, in repositories of the test's own."""

from __future__ import annotations

import json
import os
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from release.pipeline import changelog, version_command
from release.pipeline.version import VersionError, order, read

CHANGELOG = """\
# Changelog

## Unreleased

### Added

- Something.

## 1.2.0 - 2026-01-31

### Fixed

- A thing.

## [1.1.0] - 2025-12-01

- First.
"""
IDENTITY = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")


class Repository:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.git("init", "--quiet")
        self.write("CHANGELOG.md", CHANGELOG)
        self.write("pyproject.toml", '[project]\nversion = "1.2.0"\n')
        self.commit()

    def git(self, *arguments: str) -> str:
        command = ["git", *IDENTITY, *arguments]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        return subprocess.run(
            command, cwd=self.path, env=clean, check=True, capture_output=True, text=True
        ).stdout

    def write(self, name: str, text: str) -> None:
        (self.path / name).write_text(text)

    def commit(self) -> None:
        self.git("add", ".")
        self.git("commit", "--quiet", "--allow-empty", "--message", "change")

    @property
    def head(self) -> str:
        return self.git("rev-parse", "--short=12", "HEAD").strip()

    def run(self, *arguments: str) -> int:
        return version_command.main(list(arguments), self.path)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_at_a_tag_it_is_the_tag_s(repository: Repository) -> None:
    repository.git("tag", "v1.2.0")
    repository.git("tag", "other")
    assert str(read(repository.path)) == "1.2.0"
    assert read(repository.path).released


def test_after_a_tag_it_counts_commits(repository: Repository) -> None:
    repository.git("tag", "--annotate", "--message", "release", "v1.2.0")
    repository.commit()
    repository.commit()
    assert str(read(repository.path)) == f"1.2.0-2-g{repository.head}"
    assert not read(repository.path).released


def test_a_changed_file_is_told_and_a_new_one_is_not(repository: Repository) -> None:
    repository.git("tag", "v1.2.0")
    repository.write("new", "")
    assert read(repository.path).released
    repository.write("CHANGELOG.md", "other")
    assert str(read(repository.path)) == f"1.2.0-0-g{repository.head}-dirty"
    assert not read(repository.path).released


def test_without_a_tag_it_counts_from_nothing(repository: Repository) -> None:
    assert str(read(repository.path)) == f"0.0.0-1-g{repository.head}"
    repository.write("CHANGELOG.md", "other")
    assert str(read(repository.path)) == f"0.0.0-1-g{repository.head}-dirty"


def test_a_pre_release_is_a_version(repository: Repository) -> None:
    repository.git("tag", "v1.3.0-rc.1")
    assert str(read(repository.path)) == "1.3.0-rc.1"


def test_what_git_cannot_tell_is_an_error(
    tmp_path_factory: pytest.TempPathFactory, repository: Repository
) -> None:
    with pytest.raises(VersionError, match="no commit"):
        read(tmp_path_factory.mktemp("none"))
    repository.git("tag", "v1.x")
    with pytest.raises(VersionError, match=r"v1\.x-0-g.* \(expected vMAJOR\.MINOR\.PATCH\)"):
        read(repository.path)
    assert repository.run() == 2


def test_versions_are_in_the_order_of_semantic_versioning() -> None:
    versions = ["0.9.0", "0.10.0", "1.0.0-1", "1.0.0-alpha", "1.0.0-rc.2", "1.0.0-rc.10", "1.0.0", "1.0.1"]
    for older, newer in pairwise(versions):
        assert order(older) < order(newer)
    with pytest.raises(VersionError):
        order("1.0")


def test_the_notes_are_the_tag_s_section_else_what_is_unreleased(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert repository.run("--notes") == 0
    assert capsys.readouterr().out == "### Added\n\n- Something.\n"
    repository.git("tag", "v1.2.0")
    assert repository.run("--notes", "--check") == 0
    assert capsys.readouterr().out == "### Fixed\n\n- A thing.\n"
    assert repository.run("--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "version": "1.2.0",
        "released": True,
        "commit": repository.head,
    }


def test_a_tag_that_changelog_or_project_does_not_know_is_refused(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.git("tag", "v1.3.0")
    assert repository.run("--check") == 1
    told = capsys.readouterr().err
    assert "no section `## 1.3.0 - YYYY-MM-DD`" in told
    assert 'version = "1.2.0", and v1.3.0 is tagged' in told


def test_an_untagged_commit_needs_no_section(repository: Repository) -> None:
    assert repository.run("--check") == 0


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("2026-01-31", "2026-13-31", 9, "expected `## 1.2.0 - YYYY-MM-DD`"),
        (" - 2026-01-31", "", 9, "expected `## 1.2.0 - YYYY-MM-DD`"),
        ("## 1.2.0 -", "## 1.0.9 -", 15, "1.1.0 is not older than 1.0.9"),
        ("## 1.2.0 -", "## 1.2 -", 9, "'1.2' is no version"),
        ("### Fixed", "### Repaired", 11, "'Repaired' is none of Added"),
        ("- First.", "", 15, "1.1.0: says nothing"),
    ],
)
def test_a_malformed_changelog_is_refused_at_its_line(old: str, new: str, line: int, told: str) -> None:
    assert not list(changelog.problems(CHANGELOG))
    found = list(changelog.problems(CHANGELOG.replace(old, new)))
    assert [(at, told in message) for at, message in found] == [(line, True)]


def test_what_is_unreleased_comes_first() -> None:
    late = CHANGELOG + "\n## Unreleased\n\n- Late.\n"
    assert (19, "Unreleased comes first") in list(
        changelog.problems(late.replace("## Unreleased", "## 2.0.0 - 2026-02-01", 1))
    )


def test_this_repository_s_own_changelog_is_well_formed() -> None:
    text = (version_command._ROOT / "CHANGELOG.md").read_text()
    assert not list(changelog.problems(text))
    assert changelog.sections(text)
