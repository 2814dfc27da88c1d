"""Numbers that other commands of the project measure: they print one JSON document, the report shows it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 3600.0


class OtherCommandError(Exception):
    """A command gave no document; the message names it and says how it ended."""


def json_of(script: str, arguments: Sequence[str]) -> dict[str, Any]:
    """What `script` (relative to the repository) prints; its progress goes to this process's standard error.

    Raises:
        OtherCommandError: no such script, another exit code than 0, or no JSON object.
    """
    command = [str(ROOT / script), *arguments]
    # without the options: what a page quotes should not name folders of one machine
    shown = " ".join([script, *arguments[:1]])
    try:
        done = subprocess.run(  # noqa: S603 - a script of this repository
            command, stdout=subprocess.PIPE, timeout=TIMEOUT_S, check=False
        )
    except OSError as error:
        raise OtherCommandError(f"{script} cannot be started: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise OtherCommandError(f"{shown} took more than {TIMEOUT_S:g} s") from None
    if done.returncode:
        raise OtherCommandError(f"{shown} ended with exit code {done.returncode}")
    try:
        document = json.loads(done.stdout)
    except ValueError as error:
        raise OtherCommandError(f"{shown} printed no JSON document: {error}") from None
    if not isinstance(document, dict):
        raise OtherCommandError(f"{shown} printed a {type(document).__name__}, expected a JSON object")
    return document
