from __future__ import annotations

from pathlib import Path

import pytest

from image_classifier.bundle import Bundle
from tests.image_classifier.tiny_model import make_bundle


@pytest.fixture
def tiny_bundle(tmp_path: Path) -> Bundle:
    """A sealed bundle of a real model that says which of red, green and blue there is most of."""
    return make_bundle(tmp_path / "tiny")
