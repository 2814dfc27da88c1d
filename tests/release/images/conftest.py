from __future__ import annotations

import pytest

from release.images import publish
from release.images.publish import Registries
from tests.release.images.shelf import FakeEngine, FakeRegistry, Shelf


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    shelf = Shelf()
    monkeypatch.setattr(FakeRegistry, "shelf", shelf, raising=False)
    monkeypatch.setattr(publish, "Registry", FakeRegistry)
    return shelf


@pytest.fixture
def engine(shelf: Shelf) -> FakeEngine:
    return FakeEngine(shelf)


@pytest.fixture
def registries(engine: FakeEngine) -> Registries:
    return Registries(engine, lambda _: None)
