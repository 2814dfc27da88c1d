"""The exit codes of `scripts/build` and `scripts/push`, and what ends with which."""

from __future__ import annotations

import sys
from collections.abc import Callable

from edge_runtime.manifest import ManifestError
from release.engine import EngineError, EngineUnreachableError
from release.images.content import ContentError
from release.images.engine import BuildFailedError
from release.images.publish import RefusedError
from release.images.record import RecordError
from release.images.registry import RegistryError

EXIT_OK, EXIT_REFUSED, EXIT_USAGE, EXIT_UNREACHABLE = range(4)


def exit_code(program: str, run: Callable[[], None]) -> int:
    """0 done, 1 refused or failed, 2 bad arguments or files, 3 no engine or registry; the reason is told."""
    try:
        run()
    except BuildFailedError as error:
        return _ended(EXIT_REFUSED, f"{error.output}\n{program}: {error}")
    except (EngineUnreachableError, RegistryError) as error:
        return _ended(EXIT_UNREACHABLE, f"{program}: {error}")
    except (EngineError, RefusedError) as error:
        return _ended(EXIT_REFUSED, f"{program}: {error}")
    except (ManifestError, ContentError, RecordError) as error:
        return _ended(EXIT_USAGE, f"{program}: {error}")
    return EXIT_OK


def _ended(code: int, told: str) -> int:
    print(told, file=sys.stderr)
    return code
