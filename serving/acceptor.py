"""Takes connections from the listener that all workers share, as long as this worker has places for them.

The loop's own servers take whatever comes, and cannot pause. Here the rest waits in the kernel, for this worker or
another one; its queue is bounded too (`command.py`), and what finds it full is tried again by the client's system.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import select
import socket
from collections.abc import Callable

from serving.connections import Connections
from serving.http_protocol import GuardedProtocol
from serving.metrics import ACCEPT_FAILURES

_AT_A_TIME = 2
"""So many, before other workers and the requests of those that are here get their turn."""
_LOOK_S = 0.1
"""How often a full worker looks whether somebody has become spare."""
_PAUSE_S = 0.5
"""After which taking is tried again, when the process or the machine has no file descriptor or memory for it."""
_OF_ONE_CONNECTION = frozenset(
    (
        errno.ECONNABORTED,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ENONET,
        errno.ENOPROTOOPT,
        errno.EOPNOTSUPP,
        errno.EPERM,
        errno.EPROTO,
    )
)
"""Errors of a connection that failed before it was taken, accept(2): the next one may be well."""

_log = logging.getLogger(__name__)


class Acceptor:
    """One for each worker.

    Args:
        listener: listening already.
        connections: the places, which protocols take and give back by themselves.
        protocol: makes that of a connection.
        tasks: keeps those that are on their way in.
    """

    def __init__(
        self,
        listener: socket.socket,
        connections: Connections,
        protocol: Callable[[], GuardedProtocol],
        tasks: set[asyncio.Task[None]],
    ) -> None:
        listener.setblocking(False)
        self._listener = listener
        self._connections = connections
        self._protocol = protocol
        self._tasks = tasks
        self._loop = asyncio.get_running_loop()
        self._poll = select.poll()
        self._poll.register(listener, select.POLLIN)
        self._look: asyncio.TimerHandle | None = None
        self._failing = False
        self._reading = self._ending = False
        connections.somebody_waits = self._somebody_waits
        connections.left = self._room
        self._resume()

    def stop(self) -> None:
        """Take no more: what waits is for other workers."""
        self._ending = True
        self._pause()

    async def end(self, patience_s: float) -> None:
        """Take no more, but all that wait in the kernel: the end of their listener would reset them.

        Places do not count any more. While there are no file descriptors it waits, for `patience_s` seconds, for
        connections to end, which have to be told so before.
        """
        self.stop()
        until = self._loop.time() + patience_s
        while not self._take(None):
            if self._loop.time() > until:
                _log.error("connections that wait are lost, because they cannot be taken")
                return
            await asyncio.sleep(_LOOK_S)

    def _ready(self) -> None:
        if self._connections.full:
            # Level-triggered: it would be called again at once.
            self._pause()
            self._look = self._loop.call_later(_LOOK_S, self._resume)
            self._connections.make_room()
        elif not self._take(_AT_A_TIME):
            self._pause()
            self._look = self._loop.call_later(_PAUSE_S, self._resume)
            self._connections.make_room()

    def _take(self, most: int | None) -> bool:
        """Take up to `most` connections; False: there is nothing to take them with."""
        taken = 0
        while most is None or (taken < most and not self._connections.full):
            try:
                connection, _ = self._listener.accept()
            except BlockingIOError:  # nobody, or another worker was faster
                return True
            except OSError as error:
                ACCEPT_FAILURES.labels(errno.errorcode.get(error.errno or 0, "other")).inc()
                if error.errno not in _OF_ONE_CONNECTION:
                    self._tell_once(error)
                    return False
            else:
                self._failing = False
                self._connections.begin()
                task = self._loop.create_task(self._connect(connection))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            taken += 1
        return True

    async def _connect(self, connection: socket.socket) -> None:
        try:
            connection.setblocking(False)
            _, protocol = await self._loop.connect_accepted_socket(self._protocol, connection)
            if self._ending:
                protocol.shutdown()
        except OSError as error:
            ACCEPT_FAILURES.labels(errno.errorcode.get(error.errno or 0, "other")).inc()
            connection.close()
        finally:
            self._connections.begun()

    def _somebody_waits(self) -> bool:
        return bool(self._poll.poll(0))

    def _room(self) -> None:
        if not self._failing:
            self._resume()

    def _resume(self) -> None:
        if self._look is not None:
            self._look.cancel()
            self._look = None
        if not self._reading and not self._ending:
            self._reading = True
            self._loop.add_reader(self._listener, self._ready)

    def _pause(self) -> None:
        if self._look is not None:
            self._look.cancel()
            self._look = None
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._listener)

    def _tell_once(self, error: OSError) -> None:
        if not self._failing:
            self._failing = True
            _log.error("connections wait, because taking one fails: %s", error.strerror)
