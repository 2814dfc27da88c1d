"""Where messages that arrived upstream are read: a local IoT Hub's events, or Azure's Event-Hub-compatible endpoint.

IoT Hub's REST API has twins and methods, but no way to read telemetry, and the local IoT Hub speaks no AMQP: so this,
and this alone, differs between the targets.
"""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, Self

from release.smoke.arrival import Arrival, read_arrival
from release.smoke.errors import NotPossibleError

EDGE = Path(__file__).parents[2] / "scripts" / "edge"
_SETUP = "scripts/venv .venv-service requirements/service.txt"
_CLOCKS = timedelta(minutes=5)
"""How far IoT Hub's clock and this one may be apart; what is older is another run's anyway."""


class Reader(Protocol):
    """Used with `with`; reads from then on."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def next(self, timeout_s: float) -> Arrival | None:
        """The next prediction, None when none comes in time. Raises NotPossibleError when reading has failed."""


class _Queued:
    """What a thread reads, handed over one by one."""

    def __init__(self) -> None:
        self._found: queue.SimpleQueue[Arrival | NotPossibleError] = queue.SimpleQueue()

    def next(self, timeout_s: float) -> Arrival | None:
        try:
            found = self._found.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if isinstance(found, NotPossibleError):
            raise found
        return found

    def _take(self, body: Any) -> None:
        arrival = read_arrival(body)
        if arrival is not None:
            self._found.put(arrival)


class LocalReader(_Queued):
    """Follows `scripts/edge events` of the device whose state folder this is."""

    def __init__(self, state: Path) -> None:
        super().__init__()
        since = datetime.now(UTC).isoformat(timespec="seconds")
        self._command = [
            *(str(EDGE), "events", "--state", str(state)),
            *("--follow", "--json", "--since", since),
        ]

    def __enter__(self) -> Self:
        # A session of its own: Ctrl-C is for the test, which still reads while it restores.
        self._process = subprocess.Popen(
            self._command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._reading.join()
        self._process.communicate()

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        assert self._process.stderr is not None  # noqa: S101
        for line in self._process.stdout:
            self._take(json.loads(line).get("body"))
        said = self._process.stderr.read().strip()
        self._found.put(NotPossibleError(f"the local IoT Hub's events cannot be read: {said}"))


class EventHubReader(_Queued):
    """All partitions of the built-in endpoint, over AMQP on port 5671.

    Args:
        connection_string: of the Event-Hub-compatible endpoint; it appears in no message.
        consumer_group: one that nobody else reads with, when the endpoint is busy.
    """

    def __init__(self, connection_string: str, consumer_group: str) -> None:
        super().__init__()
        try:
            from azure.eventhub import EventHubConsumerClient  # noqa: PLC0415 - only Azure needs it
        except ImportError as error:
            raise NotPossibleError(f"azure-eventhub is not installed ({error}): {_SETUP}") from error
        try:
            self._client = EventHubConsumerClient.from_connection_string(connection_string, consumer_group)
        except ValueError as error:
            raise NotPossibleError(
                "EVENTHUB_CONNECTION_STRING is not one of an Event-Hub-compatible endpoint: expected Endpoint=sb://"
                f"...;SharedAccessKeyName=...;SharedAccessKey=...;EntityPath=... ({error})"
            ) from None

    def __enter__(self) -> Self:
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def _read(self) -> None:
        try:
            self._client.receive(
                self._event,
                on_error=self._failed,
                starting_position=datetime.now(UTC) - _CLOCKS,
            )
        except Exception as error:  # noqa: BLE001 - the thread's end must be told
            self._failed(None, error)

    def _event(self, _partition: Any, event: Any) -> None:
        try:
            self._take(event.body_as_json())
        except (TypeError, ValueError):
            return  # other solutions' messages need be no JSON

    def _failed(self, _partition: Any, error: Exception) -> None:
        self._found.put(NotPossibleError(f"the Event-Hub-compatible endpoint cannot be read: {error}"))
