"""HEALTHCHECK and createOptions' Healthcheck, as Docker reads them."""

from __future__ import annotations

from typing import Any

import pytest

from edge_runtime.manifest.healthcheck import Healthcheck, InvalidHealthcheckError, parse, with_options

CHECK = Healthcheck(("check",), interval_s=7, timeout_s=8, start_period_s=9, retries=2)


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("NONE", None),
        ("none ", None),
        ('CMD ["python3", "-m", "check"]', Healthcheck(("python3", "-m", "check"))),
        ("CMD curl -f http://localhost/", Healthcheck(("/bin/sh", "-c", "curl -f http://localhost/"))),
        ('cmd ["a"] || exit 1', Healthcheck(("/bin/sh", "-c", '["a"] || exit 1'))),
        (
            '--interval=5m30s --timeout=500ms --start-period=1.5h --start-interval=2s --retries=9 CMD ["a"]',
            Healthcheck(("a",), 330.0, 0.5, 5400.0, 2.0, 9),
        ),
        ('--interval=0s --start-period=0s CMD ["a"]', Healthcheck(("a",))),
    ],
)
def test_reads(rest: str, expected: Healthcheck | None) -> None:
    assert parse(rest) == expected


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ("", "needs CMD"),
        ("CMD", "needs CMD"),
        ("RUN true", "needs CMD"),
        ("--interval=5 CMD true", "interval=5 is not a duration"),
        ("--interval=5x CMD true", "not a duration"),
        ("--timeout=1us CMD true", "less than 1ms"),
        ("--retries=0 CMD true", "1 or more"),
        ("--retries=many CMD true", "1 or more"),
        ("--colour=red CMD true", "no option --colour"),
        ("--interval CMD true", "needs CMD"),
    ],
)
def test_refuses_what_docker_build_refuses(rest: str, said: str) -> None:
    with pytest.raises(InvalidHealthcheckError, match=said):
        parse(rest)


def options(**members: Any) -> dict[str, Any]:
    return {"Healthcheck": members}


def test_options_go_over_the_image_s() -> None:
    assert with_options(CHECK, {}) == CHECK
    assert with_options(CHECK, options(Test=["NONE"])) is None
    assert with_options(CHECK, options(Interval=1_000_000_000, Retries=5)) == Healthcheck(
        ("check",), 1.0, 8, 9, 5.0, 5
    )
    assert with_options(CHECK, options(Test=[], Timeout=0, Retries=0)) == CHECK
    assert with_options(None, options(Test=["CMD", "a", "b"])) == Healthcheck(("a", "b"))
    assert with_options(None, options(Test=["CMD-SHELL", "a b"])) == Healthcheck(("/bin/sh", "-c", "a b"))
    assert with_options(None, options(Interval=1_000_000_000)) is None


@pytest.mark.parametrize(
    "given",
    [
        {"Healthcheck": 5},
        options(Test="a"),
        options(Test=["a"]),
        options(Test=["CMD"]),
        options(Test=["CMD-SHELL", "a", "b"]),
        options(Test=[1]),
        options(Interval=5),
        options(Timeout="30s"),
        options(Interval=True),
        options(Retries=-1),
    ],
)
def test_refuses_options_that_the_engine_refuses(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidHealthcheckError):
        with_options(CHECK, given)
