"""Whether a command line names a script that there is, and options that it has: asked of the script itself."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[1]
_SETS_UP_S = 6 * PATIENCE_S
"""A script's first call may make its virtual environment."""


def problem(words: Sequence[str]) -> str | None:
    """What is wrong with `scripts/NAME WORDS...`; None when script, subcommand and options exist."""
    script = ROOT / words[0]
    if not (script.is_file() and os.access(script, os.X_OK)):
        return f"{words[0]} is no script"
    options = [word.partition("=")[0] for word in words[1:] if re.match(r"--?[a-z]", word)]
    if script.name == "test":  # pytest's own, and files
        return None
    if not options:
        return None
    subcommand = words[1:2] if script.name in {"edge", "bench", "fuzz"} else []
    known = _help(str(script), *subcommand)
    unknown = [
        option for option in options if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", known)
    ]
    return f"{' '.join(words)}: {words[0]} has no {', '.join(unknown)}" if unknown else None


@cache
def _help(*command: str) -> str:
    """Only options count, from the usage and the list of options: not what an explanation mentions of others."""
    done = subprocess.run(
        [*command, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=_SETS_UP_S, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)} --help: {done.stderr}"
    return done.stdout
