"""Brings paho's network thread back when an error that paho does not expect ends it.

paho 1.6 (the SDK pins it) expects `ConnectionError` alone when it writes. A hub that is killed while the
client writes gives `ssl.SSLEOFError`, another `OSError`: the thread ends, nobody is told of the
disconnection, and the SDK waits for ever while it believes itself connected. Started again, the thread reads
the end of the stream, and the SDK reconnects as after any other loss. paho 2 needs none of this.
"""

from __future__ import annotations

import logging
import threading
from types import TracebackType
from typing import Any

_log = logging.getLogger(__name__)


def guard_paho_threads() -> None:
    """Install the hook, once for the process; errors in other threads are told as before."""
    before = threading.excepthook
    if getattr(before, "guards_paho", False):
        return

    def hook(args: threading.ExceptHookArgs, /) -> None:
        client = _client_of(args.exc_traceback) if isinstance(args.exc_value, OSError) else None
        if client is None:
            before(args)
            return
        _log.warning("the SDK's network thread ended (%s) and is started again", args.exc_value)
        # By another thread, since paho's loop_stop joins this one.
        threading.Thread(target=_start_again, args=(client, args.thread), daemon=True).start()

    hook.guards_paho = True  # type: ignore[attr-defined]
    threading.excepthook = hook


def _start_again(client: Any, ended: threading.Thread | None) -> None:
    if client._thread is ended:  # noqa: SLF001 - else the SDK has stopped it, or started another, meanwhile
        client.loop_stop()
        client._reset_sockets(sockpair_only=True)  # noqa: SLF001 - loop_start makes a pair and leaves this one open
        client.loop_start()


def _client_of(traceback: TracebackType | None) -> Any:
    """The paho client whose thread function the error came out of; None when it came out of another."""
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code.co_name == "_thread_main" and "paho" in code.co_filename:
            return traceback.tb_frame.f_locals["self"]
        traceback = traceback.tb_next
    return None
