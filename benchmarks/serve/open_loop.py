"""Requests at a fixed rate, whatever becomes of those before them: only so can more be asked than a service answers.

A connection of wrk waits for its answer, so a service that holds answers back holds the load back too, and what should
have been asked meanwhile is missing from the latencies. Here request N is due N / rate seconds after the start, and
its latency counts from then, also when it first had to wait in this client for a connection or for the processor.

A service that bounds its connections leaves the others to the kernel, which drops what is asked of it beyond its queue.
So this client does as pools of connections do: a request that finds none idle opens one, and is sent over whichever is
free first. The newest of those that wait goes first and who has waited for longer than an answer is worth gives up:
their users do not stand in one line, in which everybody would come too late once it is long. A connection that does
not come is not given up, the client's kernel asks for it again and again.

`reached` is what was sent to the service, or to its kernel; `offered` is also what gave up while connections had been
asked for and did not come: with 10,000 of them outstanding, more would only cost the client's processor. What gave up
while all connections of this client were there and busy is `unsent`, and its fault.

Sockets and epoll, without asyncio: at ten times the rate of a service on the same machine, the client must cost
a small part of what the service costs. Only over loopback, with answers that have a Content-Length.

What is fair where client and service share the processors: `busy` is the part of one that the client took, and the
kernel does the service's share of opening and refusing connections in the client's time. Neither is the service's
doing on a machine of its own, and both grow with the rate. Hence the goodput is told twice: by the clock, which is
a lower bound, and by the processor time of the service, beside that of an answer without overload. The second is what
the service loses by its own doing; it is fair as long as the service was never idle.
"""

from __future__ import annotations

import errno
import resource
import select
import socket
import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil
from operator import attrgetter

from benchmarks.errors import BenchmarkError
from benchmarks.serve.answers import answer_in
from benchmarks.serve.subjects import ADDRESS

MAX_REQUESTS = 2_000_000
MAX_SECONDS = 120.0
MAX_OPEN = 12_000
"""Connections at a time: 20,000 refusals a second that are held back for half a second need 10,000."""
_SPARE_FILES = 256
_LAST_CONNECTIONS_S = 0.1
"""So long after the last request was due those are sent that still wait for a connection."""
_LAST_ANSWERS_S = 1.0
"""So long the answers may take that have not come when the last request was due."""
_HEAD_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class OpenLoad:
    """What became of `due` requests in `seconds`.

    good, late: answers below 400 within the bound and after it. refused: 429. failed: other answers. broken:
    connections that were refused, reset or closed without an answer. unanswered: no answer came. unconnected: none of
    the connections that were being opened came in time. unsent: all `most_open` were there, and none was free in time.
    p50_ms...: of answers below 400, since the request was due. busy: the part of one processor that the client used.
    """

    due: int
    seconds: float
    good: int
    late: int
    refused: int
    failed: int
    broken: int
    unanswered: int
    unconnected: int
    unsent: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    busy: float

    @property
    def offered(self) -> float:
        """Requests a second that the service was asked, if only for connections."""
        return (self.due - self.unsent) / self.seconds

    @property
    def reached(self) -> float:
        """Requests a second that were sent."""
        return (self.due - self.unsent - self.unconnected) / self.seconds

    @property
    def goodput(self) -> float:
        """Answers a second that came in time."""
        return self.good / self.seconds


def drive_open(
    port: int,
    requests: Sequence[bytes],
    rate: float,
    seconds: float,
    *,
    within_s: float,
    most_open: int = MAX_OPEN,
    ended: Callable[[], object] = lambda: None,
) -> OpenLoad:
    """Ask `rate` times a second for `seconds`, the requests in turns.

    Args:
        port: on the loopback address.
        requests: whole HTTP requests.
        rate: requests a second.
        seconds: during which requests are due.
        within_s: an answer after this is late; so long a request waits for a connection.
        most_open: connections at a time.
        ended: called when no more is asked; the last answers are still to come.

    Raises:
        BenchmarkError: out of bounds.
    """
    if not 0 < seconds <= MAX_SECONDS:
        raise BenchmarkError(f"{seconds:g} s of open load; expected more than 0, at most {MAX_SECONDS:g}")
    if not 1 <= rate * seconds <= MAX_REQUESTS:
        raise BenchmarkError(f"{rate * seconds:,.0f} requests; expected 1 to {MAX_REQUESTS:,}")
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    most_open = min(most_open, files - _SPARE_FILES)
    if most_open < 1:
        raise BenchmarkError(f"{files} open files are too few; allow more: ulimit -n 20000")
    loop = _Loop(port, requests, rate, int(rate * seconds), within_s, most_open)
    used, began = time.process_time(), time.perf_counter()
    try:
        loop.run(seconds, ended)
    finally:
        loop.close()
    return loop.found(seconds, (time.process_time() - used) / (time.perf_counter() - began))


@dataclass(slots=True, eq=False)
class _Connection:
    """`made`: no longer being opened. `due`: when the request on it was due; None: nothing is asked on it now."""

    socket: socket.socket
    made: bool
    due: float | None = None
    left: memoryview = field(default_factory=lambda: memoryview(b""))
    received: bytearray = field(default_factory=bytearray)
    open: bool = True


@dataclass(slots=True)
class _Waiting:
    """A request without a connection. `opening`: some were being opened when it was due."""

    due: float
    number: int
    opening: bool


class _Loop:
    def __init__(
        self,
        port: int,
        requests: Sequence[bytes],
        rate: float,
        total: int,
        within_s: float,
        most_open: int,
    ) -> None:
        self._port = port
        self._requests = requests
        self._rate = rate
        self._total = total
        self._within_s = within_s
        self._most_open = most_open
        self._poll = select.epoll()
        self._open: dict[int, _Connection] = {}
        self._idle: list[_Connection] = []
        self._opening = 0
        self._next = 0
        self._waiting: list[_Waiting] = []
        """The newest last."""
        self._asked = 0
        self._good = self._late = self._refused = self._failed = self._broken = 0
        self._unconnected = self._unsent = 0
        self._latencies = array("d")

    def run(self, seconds: float, ended: Callable[[], object]) -> None:
        began = time.perf_counter()
        end = began + seconds
        asking = True
        while True:
            now = time.perf_counter()
            if asking:
                self._ask_what_is_due(began, now)
                wait = min(end, began + self._next / self._rate) - now
            # Once more at the end: what was due and waited for the processor alone is still asked.
            if asking and now >= end:
                asking = False
                ended()
            if not asking:
                self._give_up_the_old(now)
                if now >= end + _LAST_CONNECTIONS_S:
                    self._let_go_what_asks_nothing()
                wait = end + _LAST_ANSWERS_S - now
                if wait <= 0 or not (self._asked or self._waiting):
                    break
                if self._waiting:
                    wait = min(
                        wait, end + _LAST_CONNECTIONS_S - now, self._waiting[0].due + self._within_s - now
                    )
            for number, events in self._poll.poll(max(0.0, wait), 512):
                self._handle(self._open[number], events)
        self._let_go_what_asks_nothing()

    def close(self) -> None:
        for connection in self._open.values():
            connection.socket.close()
        self._poll.close()

    def found(self, seconds: float, busy: float) -> OpenLoad:
        ordered = sorted(self._latencies)

        def percentile(share: float) -> float:
            return 1000 * ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else 0.0

        return OpenLoad(
            due=self._total,
            seconds=seconds,
            good=self._good,
            late=self._late,
            refused=self._refused,
            failed=self._failed,
            broken=self._broken,
            unanswered=self._asked,
            unconnected=self._unconnected,
            unsent=self._unsent + self._total - self._next,
            p50_ms=percentile(0.50),
            p95_ms=percentile(0.95),
            p99_ms=percentile(0.99),
            busy=busy,
        )

    def _ask_what_is_due(self, began: float, now: float) -> None:
        while self._next < self._total and (due := began + self._next / self._rate) <= now:
            connection = self._idle_one()
            if connection is None and len(self._open) < self._most_open:
                connection = self._open_one()
            waiting = _Waiting(due, self._next, self._opening > 0)
            self._next += 1
            if connection is not None:
                self._ask(connection, waiting)
            else:
                self._waiting.append(waiting)
        self._give_up_the_old(now)

    def _idle_one(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.open:
                return connection
        return None

    def _open_one(self) -> _Connection | None:
        """A new connection, if it is there at once."""
        made = socket.socket()
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # What goes wrong is told when a request is sent.
        opening = made.connect_ex((ADDRESS, self._port)) == errno.EINPROGRESS
        connection = self._open[made.fileno()] = _Connection(made, not opening)
        self._poll.register(made.fileno(), select.EPOLLOUT if opening else select.EPOLLIN)
        if not opening:
            return connection
        self._opening += 1
        return None

    def _ask(self, connection: _Connection, what: _Waiting) -> None:
        connection.due = what.due
        connection.left = memoryview(self._requests[what.number % len(self._requests)])
        self._asked += 1
        self._send(connection)

    def _free(self, connection: _Connection) -> None:
        """Ask what has waited for the shortest."""
        if self._waiting:
            self._ask(connection, self._waiting.pop())
        else:
            self._idle.append(connection)

    def _let_go_what_asks_nothing(self) -> None:
        """At the end, or the service would be busy with connections whose users do not ask any more."""
        self._give_up(self._waiting)
        self._waiting.clear()
        if self._idle or self._opening:
            for connection in [one for one in self._open.values() if one.due is None]:
                self._forget(connection)
            self._idle.clear()
            self._opening = 0

    def _give_up_the_old(self, now: float) -> None:
        oldest = now - self._within_s
        if self._waiting and self._waiting[0].due < oldest:
            first = bisect_left(self._waiting, oldest, key=attrgetter("due"))
            self._give_up(self._waiting[:first])
            del self._waiting[:first]

    def _give_up(self, given_up: Sequence[_Waiting]) -> None:
        unconnected = sum(one.opening for one in given_up)
        self._unconnected += unconnected
        self._unsent += len(given_up) - unconnected

    def _send(self, connection: _Connection) -> None:
        try:
            sent = connection.socket.send(connection.left)
        except BlockingIOError:  # its buffer is full
            sent = 0
        except OSError:
            self._lost(connection)
            return
        connection.left = connection.left[sent:]
        if connection.left:
            self._poll.modify(connection.socket.fileno(), select.EPOLLIN | select.EPOLLOUT)

    def _handle(self, connection: _Connection, events: int) -> None:
        if not connection.made:
            self._connected(connection)
        elif events & ~select.EPOLLOUT:
            self._receive(connection)
        elif connection.left:
            self._poll.modify(connection.socket.fileno(), select.EPOLLIN)
            self._send(connection)

    def _connected(self, connection: _Connection) -> None:
        connection.made = True
        self._opening -= 1
        if connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._forget(connection)
            if self._waiting:  # it was opened for one of them
                self._waiting.pop()
                self._broken += 1
            return
        self._poll.modify(connection.socket.fileno(), select.EPOLLIN)
        self._free(connection)

    def _receive(self, connection: _Connection) -> None:
        try:
            data = connection.socket.recv(_HEAD_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        connection.received += data
        answer = answer_in(connection.received) if data and connection.due is not None else None
        if answer is not None and connection.due is not None:
            self._count(answer.status, time.perf_counter() - connection.due)
            connection.due = None
            connection.received.clear()
            if answer.stays:
                self._free(connection)
            else:
                self._forget(connection)
        elif not data or connection.due is None or len(connection.received) > _HEAD_BYTES:
            self._lost(connection)

    def _count(self, status: int, latency_s: float) -> None:
        self._asked -= 1
        if status < 400:
            self._latencies.append(latency_s)
            if latency_s <= self._within_s:
                self._good += 1
            else:
                self._late += 1
        elif status == 429:
            self._refused += 1
        else:
            self._failed += 1

    def _lost(self, connection: _Connection) -> None:
        if connection.due is not None:
            self._asked -= 1
            self._broken += 1
        self._forget(connection)

    def _forget(self, connection: _Connection) -> None:
        connection.open = False
        del self._open[connection.socket.fileno()]
        connection.socket.close()
