"""`python -m serving --port P`: the scoring web service.

Exit codes: 0 after a signal, 1 if a worker did not end well then, 2 wrong settings.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    # One thread a worker scores; numpy's own would only cost memory, and a process with threads must not fork.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    folder = tempfile.mkdtemp(prefix="serving-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    try:
        # Both are read when the libraries are imported.
        from serving.command import parser, run  # noqa: PLC0415

        return run(parser().parse_args(arguments))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
