"""The child's side of `sandbox`: `python -m image_classifier.probe FOLDER` under resource limits.

Prints one JSON line, `{"ok": {...}}` or `{"refused": {...}}`, and exits 0; anything else means that the model
did harm.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

MEMORY_BYTES = 2 << 30
CPU_S = 30


def _limit_self() -> None:
    for kind, amount in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        hard = resource.getrlimit(kind)[1]
        allowed = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
        resource.setrlimit(kind, (allowed, allowed))


def _prove(folder: Path) -> dict[str, Any]:
    from image_classifier.bundle import load_bundle  # noqa: PLC0415 - after the limits are set
    from image_classifier.classifier import Classifier  # noqa: PLC0415
    from image_classifier.errors import BadImageError, BundleError, InferenceError  # noqa: PLC0415
    from image_classifier.golden import check_golden_vectors  # noqa: PLC0415

    try:
        bundle = load_bundle(folder)
        vectors = check_golden_vectors(Classifier(bundle))
    except BundleError as error:
        described = {"path": str(error.path), "problem": error.problem, "field": error.field}
        return {"refused": described | {"expected": error.expected, "actual": error.actual}}
    except (BadImageError, InferenceError) as error:
        return {"refused": {"path": str(folder), "problem": f"a golden picture fails: {error}"}}
    except MemoryError:
        return {"refused": {"path": str(folder), "problem": f"needs more than {MEMORY_BYTES >> 20} MiB"}}
    memory = resource.getrlimit(resource.RLIMIT_AS)[0]
    return {"ok": {"sha256": bundle.sha256, "vectors": vectors, "memoryLimitBytes": memory}}


if __name__ == "__main__":
    _limit_self()
    sys.stdout.write(json.dumps(_prove(Path(sys.argv[1])), default=str) + "\n")
