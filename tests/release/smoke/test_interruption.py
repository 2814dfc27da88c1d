from __future__ import annotations

import os
import signal

import pytest

from release.smoke.interruption import Interruption


def test_a_signal_to_end_is_ctrl_c_and_only_once() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Interruption():
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) == before


def test_what_must_not_be_left_half_done_is_done_first() -> None:
    done = []

    def restore(interruption: Interruption) -> None:
        with interruption.held_back():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("restored")

    with Interruption() as interruption, pytest.raises(KeyboardInterrupt):
        restore(interruption)
    assert done == ["restored"]


def test_after_a_signal_it_is_done_in_peace() -> None:
    done = False
    with Interruption() as interruption:
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        with interruption.held_back():
            os.kill(os.getpid(), signal.SIGINT)
            done = True
    assert done
