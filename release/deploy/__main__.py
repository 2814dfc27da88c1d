"""`python -m release.deploy`."""

from __future__ import annotations

import sys

from release.deploy.command import main

sys.exit(main(sys.argv[1:]))
