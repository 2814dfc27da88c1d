"""Fixtures that every test folder may use."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import pytest

_addresses = itertools.count(1)


@pytest.fixture
def loopback() -> Iterator[str]:
    """A loopback address of the test's own, so that tests that bind port 8883 run side by side."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    number = next(_addresses) + (os.getpid() % 120) * 250
    yield f"127.{100 + worker}.{number // 250 % 250 + 1}.{number % 250 + 1}"
