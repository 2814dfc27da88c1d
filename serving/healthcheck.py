"""`python3 -m serving.healthcheck PORT`: whether the service in this container lives. Needs the standard library alone.

Exit code 0: it answers. 1: it does not, or with another status; the reason goes to standard error, which engines keep.
"""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from collections.abc import Sequence

_TIMEOUT_S = 8.0
"""Below the image's own limit for the check, so that the reason is told."""


def main(arguments: Sequence[str]) -> int:
    """The exit code."""
    if len(arguments) != 1 or not arguments[0].isdecimal():
        sys.stderr.write("usage: python3 -m serving.healthcheck PORT\n")
        return 2
    url = f"http://127.0.0.1:{arguments[0]}/v2/health/live"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=_TIMEOUT_S):
            return 0
    except (urllib.error.URLError, TimeoutError, OSError) as error:
        sys.stderr.write(f"{url}: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
