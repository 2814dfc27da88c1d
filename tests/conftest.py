"""Fixtures that every test folder may use."""

from __future__ import annotations

import itertools
import os

import pytest
from hypothesis import HealthCheck, settings

# A shared two-core machine is slow at random: time says nothing about correctness here.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")

_addresses = itertools.count(1)


@pytest.fixture
def loopback() -> str:
    """A loopback address of the test's own, so that tests that bind port 8883 run side by side."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    number = next(_addresses) + (os.getpid() % 120) * 250
    return f"127.{100 + worker}.{number // 250 % 250 + 1}.{number % 250 + 1}"
