"""Arguments, and where they say to deploy."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.deploy.environment import Environment
from release.deploy.options import Action, Target, find_target, parse
from release.deploy.outcome import Exit, UsageError


def target(*arguments: str, local: str | None = None, **variables: str) -> Target:
    environment = Environment("dev", Path("dev.env"), variables, {})
    return find_target(parse(["--env", "dev", *arguments]), environment, local)


def test_arguments_win_over_the_environment_and_that_over_the_local_device() -> None:
    condition = "tags.a = 1"
    assert target("--device", "d", DEPLOY_TARGET_CONDITION=condition) == Target("d", None, 10)
    assert target("--target-condition", "*", "--priority", "3", DEPLOY_DEVICE="d") == Target(None, "*", 3)
    assert target(local="edge", DEPLOY_TARGET_CONDITION=condition, DEPLOY_PRIORITY="7") == Target(
        None, condition, 7
    )
    assert target(local="edge", DEPLOY_DEVICE="d") == Target("d", None, 10)
    assert target(local="edge") == Target("edge", None, 10)


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, "where to"),
        ({"DEPLOY_DEVICE": "d", "DEPLOY_TARGET_CONDITION": "*"}, "exclude each other"),
        ({"DEPLOY_DEVICE": "d", "DEPLOY_PRIORITY": "high"}, "DEPLOY_PRIORITY=high"),
    ],
)
def test_an_environment_that_says_too_little_or_too_much(variables: dict[str, str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        target(**variables)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--env", "dev", "--device", "d", "--target-condition", "*"],
        ["--env", "dev", "--follow", "--restore"],
        ["--env", "dev", "--settle", "nan"],
        ["--env", "dev", "--timeout", "-1"],
        ["--env", "dev", "--priority", "-1"],
    ],
)
def test_arguments_that_make_no_sense(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments)
    assert ended.value.code == 2
    assert "usage: scripts/deploy" in capsys.readouterr().err


def test_the_help_names_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"])
    shown = capsys.readouterr().out
    codes = shown.partition("exit codes:")[2].split()
    assert {str(int(code)) for code in Exit} <= set(codes)


def test_defaults() -> None:
    options = parse(["--env", "prod"])
    assert (options.action, options.name, options.yes) == (Action.DEPLOY, "edge-vision-prod", False)
    assert parse(["--env", "prod", "--restore"]).action is Action.RESTORE
