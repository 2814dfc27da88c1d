"""`scripts/train --from-keras` in a process of its own: TensorFlow's converter can end the one that it runs in.

It writes to memory that is not there when a range of the model is infinite or no number; no exception tells that.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence

_INTERRUPTED = 130


def main(arguments: Sequence[str]) -> int:
    """The exit code of `training.from_keras`; 1, with the model and the reason named, when it was ended."""
    command = [sys.executable, "-P", "-m", "training.from_keras", *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(command, env=environment) as converting:  # noqa: S603 - our own command line
        try:
            code = converting.wait()
        except KeyboardInterrupt:
            converting.terminate()
            return _INTERRUPTED
    if code < 0:
        print(f"{_model(arguments)}: {_reason(-code)}", file=sys.stderr)
        return 1
    return code


def _reason(number: int) -> str:
    if number == signal.SIGKILL:
        return "the conversion was killed (SIGKILL): most often there was not memory enough"
    return (
        f"TensorFlow ended the conversion ({signal.Signals(number).name}): it does so when values in the model become "
        "infinite; look for weights that are, for a scale that is far too large, and at --normalisation"
    )


def _model(arguments: Sequence[str]) -> str:
    for word, following in zip(arguments, [*arguments[1:], ""], strict=True):
        option, equals, value = word.partition("=")
        if option == "--from-keras":
            return value if equals else following
    return "--from-keras"
