"""Deployments to a device that runs here, as a user starts them: minutes, so `scripts/test-deploy` runs these alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import StartDevice
from tests.e2e.deploying import SOLUTION, SOLUTION_MODULES, Deploying


@pytest.fixture
def deploying(device: StartDevice, short: Path) -> Deploying:
    """A device that runs deployment.template.json as environments/dev.env expands it."""
    made = Deploying(short, device(None, **SOLUTION).up())
    made.runs(*SOLUTION_MODULES)
    return made
