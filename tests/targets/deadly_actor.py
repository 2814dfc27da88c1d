"""`python deadly_actor.py die|fill INPUT ...`: targets.batch whose actors are killed, or find the disk full."""

from __future__ import annotations

import errno
import os
import signal
import sys
from typing import Any

from targets.batch import on_ray
from targets.batch.__main__ import main


class Dies(on_ray.Scorer):
    def __call__(self, batch: dict[str, Any]) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)


class Fills(on_ray.Scorer):
    def __call__(self, batch: dict[str, Any]) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


if __name__ == "__main__":
    setattr(on_ray, "Scorer", {"die": Dies, "fill": Fills}[sys.argv[1]])  # noqa: B010 - the name that `run` looks up
    sys.exit(main(sys.argv[2:]))
