"""What a condition sees of a message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from edge_runtime.routing.body import Body
from edge_runtime.routing.values import UNDEFINED, Undefined, Value, fold

Properties = Mapping[str, str | None]


class RoutingMessage(Protocol):
    """A message as the router needs it.

    `source` is the path of spec C.2, `sys` has edgeHub's internal names (spec C.6); a property that was
    sent without a value is None.
    """

    @property
    def source(self) -> str: ...
    @property
    def app(self) -> Properties: ...
    @property
    def sys(self) -> Properties: ...
    @property
    def body(self) -> bytes: ...


class Context:
    """One message while its conditions are evaluated.

    Case-folded names and the parsed body are made on demand, and at most once.
    """

    __slots__ = ("_app", "_body", "_sys", "message")

    def __init__(self, message: RoutingMessage) -> None:
        self.message = message
        self._app: dict[str, str | None] | None = None
        self._sys: dict[str, str | None] | None = None
        self._body: Body | None = None

    def app(self, folded: str) -> str | Undefined | None:
        """The application property whose folded name is `folded`."""
        if self._app is None:
            self._app = {fold(name): value for name, value in self.message.app.items()}
        return self._app.get(folded, UNDEFINED)

    def sys(self, folded: str) -> str | Undefined | None:
        """The system property whose folded name is `folded`."""
        if self._sys is None:
            self._sys = {fold(name): value for name, value in self.message.sys.items()}
        return self._sys.get(folded, UNDEFINED)

    @property
    def body(self) -> Body:
        """The body as conditions see it."""
        if self._body is None:
            self._body = Body(
                self.message.body, content_type=self.sys("CONTENTTYPE"), encoding=self.sys("CONTENTENCODING")
            )
        return self._body


Evaluate = Callable[[Context], Value]
