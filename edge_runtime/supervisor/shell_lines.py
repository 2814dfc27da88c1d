"""Environment variables as lines that a shell and the tools of an editor read alike."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping


def shell_lines(variables: Mapping[str, str]) -> str:
    """`NAME=VALUE`, the value in single quotes where a shell would take it apart."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())


def printable(variables: Mapping[str, str], *, as_json: bool) -> str:
    """Those lines, or one line of JSON."""
    return json.dumps(variables) + "\n" if as_json else shell_lines(variables)
