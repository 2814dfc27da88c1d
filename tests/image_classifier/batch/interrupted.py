"""`python interrupted.py SIGNAL MOMENT NUMBER score ...`: the command, ended by a signal at a chosen step.

Every file of the work gets its name by a rename: MOMENT is `before` or `after` the one with that NUMBER. SIGINT goes to
the whole process group, as a terminal's Ctrl-C does, any other signal to this process alone.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import sys
from pathlib import Path

from image_classifier.__main__ import main


def interrupt(name: str, moment: str, number: int) -> None:
    count, true_replace = itertools.count(), Path.replace

    def end() -> None:
        print(*(child.pid for child in multiprocessing.active_children()), flush=True)  # noqa: T201
        if name == "SIGINT":
            os.killpg(0, signal.SIGINT)
        else:
            os.kill(os.getpid(), signal.Signals[name])

    def replace(self: Path, target: Path) -> Path:
        this = next(count) == number
        if this and moment == "before":
            end()
        replaced = true_replace(self, target)
        if this and moment == "after":
            end()
        return replaced

    setattr(Path, "replace", replace)  # noqa: B010 - a method of the standard library


if __name__ == "__main__":
    interrupt(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    sys.exit(main(sys.argv[4:]))
