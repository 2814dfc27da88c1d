from __future__ import annotations

import subprocess
import sys
from itertools import islice

import pytest

from tests.addresses import candidates, loopback_address

HOLDER = """
from tests.addresses import loopback_address
with loopback_address() as address:
    print(address, flush=True)
    input()
"""


def test_an_address_is_one_processs_until_that_ends() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        taken = holder.stdout.readline().strip()
        with pytest.raises(RuntimeError, match="held"), loopback_address([taken]):
            pass
        with loopback_address([taken, *islice(candidates(), 100)]) as mine:
            assert mine != taken
        holder.kill()
        holder.wait()
    with loopback_address([taken]) as mine:
        assert mine == taken


def test_each_test_begins_with_another_address() -> None:
    assert next(candidates()) != next(candidates())
