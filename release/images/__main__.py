"""`python -m release.images`, which `scripts/build` starts."""

import sys

from release.images.command import main

if __name__ == "__main__":
    sys.exit(main())
