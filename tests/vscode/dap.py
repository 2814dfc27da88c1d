"""A client of the Debug Adapter Protocol: what an editor says to debugpy's adapter, over its standard streams.

The protocol: https://microsoft.github.io/debug-adapter-protocol/specification.
"""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from tests.patience import PATIENCE_S


class RefusedError(AssertionError):
    """The adapter answered a request with success: false."""


class DebugAdapter:
    """One `python -m debugpy.adapter`, from `initialize` to `disconnect`."""

    def __init__(self, python: Path) -> None:
        self._process = subprocess.Popen(
            [str(python), "-m", "debugpy.adapter"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._numbers = iter(range(1, 1 << 30))
        self._messages: queue.Queue[dict[str, Any]] = queue.Queue()
        self._aside: list[dict[str, Any]] = []
        self.output = ""
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Self:
        self.call("initialize", adapterID="debugpy", pathFormat="path", linesStartAt1=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()

    def send(self, command: str, **arguments: Any) -> int:
        """A request; its number."""
        number = next(self._numbers)
        body = json.dumps(
            {"seq": number, "type": "request", "command": command, "arguments": arguments}
        ).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()
        return number

    def answer(self, number: int) -> Any:
        """The body of the response to that request. Raises RefusedError."""
        response = self._take(
            lambda m: m["type"] == "response" and m["request_seq"] == number, f"answer {number}"
        )
        if not response["success"]:
            raise RefusedError(f"{response['command']}: {response.get('message')}\n{self.output}")
        return response.get("body")

    def call(self, command: str, **arguments: Any) -> Any:
        """A request, and the body of its response."""
        return self.answer(self.send(command, **arguments))

    def event(self, name: str) -> Any:
        """The body of the next event of that name."""
        return self._take(lambda m: m["type"] == "event" and m["event"] == name, f"event {name}").get("body")

    def _take(self, fits: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        for message in self._aside:
            if fits(message):
                self._aside.remove(message)
                return message
        while True:
            try:
                message = self._messages.get(timeout=PATIENCE_S)
            except queue.Empty:
                raise AssertionError(f"no {what}; the program said:\n{self.output}") from None
            if fits(message):
                return message
            self._aside.append(message)

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        while header := stream.readline():
            if header.lower().startswith(b"content-length:"):
                length = int(header.split(b":")[1])
                stream.readline()
                message = json.loads(stream.read(length))
                if message.get("event") == "output":
                    self.output += message["body"]["output"]
                self._messages.put(message)
