"""One service for all tests that only ask it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.serving.running import RunningService, running


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """The bundle `fast`, two workers; do not stop it."""
    with running(tmp_path_factory.mktemp("service")) as found:
        yield found
