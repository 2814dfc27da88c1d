"""Regular expressions that a caller sends: searched in a process of their own, which may be ended.

A pattern such as `(a+)+$` can take longer than the universe lasts, and Python's `re` lets nothing else run
meanwhile, so it must not run in the process that supervises the modules.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence

from edge_runtime.agent.methods.errors import BadArgumentError

TIMEOUT_S = 10.0
_DOTNET_GROUP = re.compile(r"\(\?<(?=[A-Za-z_])")
_SEARCH = """
import json, re, sys
request = json.loads(sys.stdin.buffer.readline())
search = re.compile(request["pattern"], request["flags"]).search
sys.stdout.write("".join("01"[search(line.decode()[:-1]) is not None] for line in sys.stdin.buffer))
"""


def checked(pattern: str) -> str:
    """The pattern as Python writes it: .NET's `(?<name>...)` becomes `(?P<name>...)`. Raises BadArgumentError."""
    translated = _DOTNET_GROUP.sub("(?P<", pattern)
    try:
        re.compile(translated)
    except (re.error, RecursionError, OverflowError) as error:
        raise BadArgumentError(f"the regular expression {pattern!r} cannot be read: {error}") from None
    return translated


def search(
    pattern: str, texts: Sequence[str], *, ignore_case: bool = False, timeout_s: float = TIMEOUT_S
) -> list[bool]:
    """Which of the texts, none of which holds a line's end, the pattern is found in. Blocks.

    Raises BadArgumentError for a pattern that cannot be read, or that is not done in time.
    """
    request = {"pattern": checked(pattern), "flags": int(re.IGNORECASE if ignore_case else 0)}
    lines = [json.dumps(request), *texts, ""]
    try:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-I", "-S", "-c", _SEARCH],
            input="\n".join(lines).encode(errors="replace"),
            capture_output=True,
            env={},
            timeout=timeout_s,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise BadArgumentError(
            f"the regular expression {pattern!r} was not done with {len(texts)} lines within {timeout_s:g} s; "
            "write it without repeats inside of repeats"
        ) from None
    return [sign == ord("1") for sign in done.stdout]
