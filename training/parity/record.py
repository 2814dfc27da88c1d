"""Writing into a bundle what was found: golden vectors with the tolerance they need, and the agreements."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from image_classifier.bundle import DOCUMENT, Bundle, load_bundle
from image_classifier.seal import seal
from training.parity.agreement import Agreement
from training.samples import golden_pictures


def record(folder: Path, agreements: Sequence[Agreement] = ()) -> Bundle:
    """Seal the bundle again: the same model, today's golden pictures, a measured tolerance.

    Args:
        folder: the bundle's.
        agreements: replace those in the document (`measured.parity`); where there are none, the old ones stay.

    Raises:
        BundleError: the bundle is wrong, or its model does not agree with its document.
    """
    load_bundle(folder)
    document = json.loads((folder / DOCUMENT).read_text(encoding="utf-8"))
    del document["goldenVectors"]
    if agreements:
        document["measured"]["parity"] = [agreement.document() for agreement in agreements]
    return seal(folder, document, dict(golden_pictures()))
