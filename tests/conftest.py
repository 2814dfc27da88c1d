"""Fixtures that every test folder may use."""

from __future__ import annotations

import gc
import logging
import os
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.addresses import loopback_address
from tests.data import ARCHIVE, BINARY, true_records, write_cifar10

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what runs in the background so, and every process of a test would ignore Ctrl-C as well.
    signal.signal(signal.SIGINT, signal.default_int_handler)


# A shared two-core machine is slow at random: time says nothing about correctness here.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first, as scripts/test hands out whole files: one that begins last leaves a worker idle."""
    slow = {item.path for item in items if item.get_closest_marker("slow") is not None}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture
def loopback() -> Iterator[str]:
    """A loopback address of the test's own, so that tests that bind port 8883 run side by side."""
    with loopback_address() as address:
        yield address


@pytest.fixture
def paho_leaves_its_socket_pair_open() -> Iterator[None]:
    """Collects it at the end of the test that opened it (see `tests/sdk_client.py`)."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="module", autouse=True)
def leaks_fail_their_own_file() -> Iterator[None]:
    """A socket, file or process that is left in a cycle would fail whichever test the collector happens to run in."""
    yield
    gc.collect()


@pytest.fixture(scope="session")
def cifar10_dir() -> Path:
    """`CIFAR10_DIR`, packed or expanded (see `tests/data.py`)."""
    place = os.environ.get("CIFAR10_DIR")
    if not place:
        pytest.skip("CIFAR10_DIR is not set")
    if not (Path(place) / ARCHIVE).is_file() and not (Path(place) / BINARY).is_dir():
        pytest.skip(f"CIFAR10_DIR = {place} holds neither {ARCHIVE} nor {BINARY}/")
    return Path(place)


@pytest.fixture(scope="session")
def cifar10(cifar10_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 2,000 true test pictures of CIFAR-10 in the official binary layout."""
    return write_cifar10(tmp_path_factory.mktemp("cifar10"), true_records(cifar10_dir, 2000))


def _logging() -> tuple[object, ...]:
    root = logging.getLogger()
    levels = [logging.getLogger(name).level for name in ("edge_runtime", "module_kit", "azure")]
    files = [handler for handler in root.handlers if isinstance(handler, logging.FileHandler)]
    return logging.root.manager.disable, root.level, levels, [file.baseFilename for file in files]


@pytest.fixture(autouse=True)
def leaves_logging_alone() -> Iterator[None]:
    """A program that a test runs in this process gives back what it sets: other tests look for log lines."""
    before = _logging()
    yield
    assert _logging() == before
