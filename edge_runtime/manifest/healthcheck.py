"""A Dockerfile's HEALTHCHECK, and what createOptions put in its place. Pure.

InvalidHealthcheckError   an instruction that docker build would refuse, or options that the engine would
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

_OPTION = re.compile(r"--([a-z-]+)=(\S+)\s*")
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_LEAST_S = 0.001
_TIMES = {
    "interval": "interval_s",
    "timeout": "timeout_s",
    "start-period": "start_period_s",
    "start-interval": "start_interval_s",
}
_OPTIONS = {
    "Interval": "interval_s",
    "Timeout": "timeout_s",
    "StartPeriod": "start_period_s",
    "StartInterval": "start_interval_s",
}


class InvalidHealthcheckError(Exception):
    """`str()` says what is wrong."""


@dataclass(frozen=True, slots=True)
class Healthcheck:
    """A command that is run in the module's place; exit 0 means healthy. The defaults are Docker's.

    Until the first success it runs every `start_interval_s` for `start_period_s`, in which failures do not count.
    After that it runs every `interval_s`, and `retries` failures one after another make the module unhealthy.
    """

    command: tuple[str, ...]
    interval_s: float = 30.0
    timeout_s: float = 30.0
    start_period_s: float = 0.0
    start_interval_s: float = 5.0
    retries: int = 3


def parse(rest: str) -> Healthcheck | None:
    """What follows HEALTHCHECK; None for `NONE`. Raises InvalidHealthcheckError."""
    if rest.strip().upper() == "NONE":
        return None
    changes: dict[str, Any] = {}
    while option := _OPTION.match(rest):
        name, value = option.groups()
        if name == "retries":
            changes["retries"] = _retries(value)
        elif name in _TIMES:
            # 0 means what an option that is not there means.
            changes |= {_TIMES[name]: seconds} if (seconds := _duration_s(name, value)) else {}
        else:
            raise InvalidHealthcheckError(f"HEALTHCHECK has no option --{name}")
        rest = rest[option.end() :]
    word, _, command = rest.strip().partition(" ")
    if word.upper() != "CMD" or not command.strip():
        raise InvalidHealthcheckError("HEALTHCHECK needs CMD and a command, or NONE")
    return Healthcheck(_command(command.strip()), **changes)


def with_options(image: Healthcheck | None, options: Mapping[str, Any]) -> Healthcheck | None:
    """`Healthcheck` of createOptions over the image's. Times in it are nanoseconds, 0 keeps the image's.

    Raises InvalidHealthcheckError.
    """
    given = options.get("Healthcheck")
    if given is None:
        return image
    if not isinstance(given, dict):
        raise InvalidHealthcheckError("createOptions: Healthcheck must be an object")
    test = given.get("Test") or []
    if not isinstance(test, list) or not all(isinstance(word, str) for word in test):
        raise InvalidHealthcheckError("createOptions: Healthcheck.Test must be a list of texts")
    if test[:1] == ["NONE"]:
        return None
    if test:
        image = replace(image or Healthcheck(()), command=_test(test))
    if image is None:
        return None
    changes: dict[str, Any] = {
        field: _nanoseconds(name, given[name]) / 1e9 for name, field in _OPTIONS.items() if given.get(name)
    }
    if given.get("Retries"):
        changes["retries"] = _retries(str(given["Retries"]))
    return replace(image, **changes)


def _test(test: list[str]) -> tuple[str, ...]:
    match test:
        case ["CMD", _, *_]:
            return tuple(test[1:])
        case ["CMD-SHELL", text]:
            return _in_shell(text)
    raise InvalidHealthcheckError("createOptions: Healthcheck.Test begins with CMD, CMD-SHELL or NONE")


def _command(text: str) -> tuple[str, ...]:
    try:
        words = json.loads(text)
    except json.JSONDecodeError:
        return _in_shell(text)
    if isinstance(words, list) and words and all(isinstance(word, str) for word in words):
        return tuple(words)
    return _in_shell(text)


def _in_shell(text: str) -> tuple[str, ...]:
    return "/bin/sh", "-c", text


def _duration_s(name: str, text: str) -> float:
    parts = _DURATION_PART.findall(text)
    if not parts or _DURATION_PART.sub("", text):
        raise InvalidHealthcheckError(f"HEALTHCHECK --{name}={text} is not a duration such as 30s or 1m30s")
    seconds = sum(float(number) * _UNITS_S[unit] for number, unit in parts)
    if 0 < seconds < _LEAST_S:
        raise InvalidHealthcheckError(f"HEALTHCHECK --{name}={text} is less than 1ms")
    return seconds


def _nanoseconds(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < _LEAST_S * 1e9:
        raise InvalidHealthcheckError(
            f"createOptions: Healthcheck.{name} must be nanoseconds, 1000000 or more"
        )
    return value


def _retries(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise InvalidHealthcheckError(f"a health check's retries must be 1 or more, not {text}")
    return int(text)
