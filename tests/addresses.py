"""Loopback addresses, each for one holder at a time among all processes of this machine."""

from __future__ import annotations

import errno
import itertools
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

# Above the ports that the kernel gives out, and none that a runtime uses.
_CLAIM_PORT = 61_883
_PLACES = 250
_ADDRESSES = 100 * _PLACES * _PLACES
_count = itertools.count()


def candidates() -> Iterator[str]:
    """All of them, another one first each time: what the last holder left behind may still use its address."""
    start = os.getpid() * 1009 + next(_count)
    for step in range(_ADDRESSES):
        rest, last = divmod((start + step) % _ADDRESSES, _PLACES)
        yield f"127.{100 + rest // _PLACES}.{rest % _PLACES + 1}.{last + 1}"


@contextmanager
def loopback_address(choice: Iterable[str] | None = None) -> Iterator[str]:
    """The first of `choice`, of `candidates()` when None, that nobody else holds; held until the end.

    A bound port is the claim: the kernel gives it to one process, and takes it back from one that dies.
    """
    for address in candidates() if choice is None else choice:
        with socket.socket() as claim:
            try:
                claim.bind((address, _CLAIM_PORT))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
            yield address
            return
    raise RuntimeError("every loopback address of the tests is held by another process")
