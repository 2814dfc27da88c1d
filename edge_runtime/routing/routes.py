"""Routes of the `$edgeHub` configuration (spec C.1, C.2, C.9, C.10)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from edge_runtime.routing.compiler import SinkItem
from edge_runtime.routing.condition import ALWAYS, Condition
from edge_runtime.routing.errors import RouteError, RouteErrors
from edge_runtime.routing.parser import parse_route_text
from edge_runtime.routing.values import fold

DEFAULT_PRIORITY: Final = 2_000_000_000
_MAX_TTL_S: Final = 2**32 - 1
_SCHEMA_VERSION: Final = re.compile(r"1\.([0-3])(?:\.[0-9]+){0,2}")
_KEYS: Final = ("route", "priority", "timeToLiveSecs")
_SINK_FORMS: Final = 'Write $upstream, or write BrokeredEndpoint("/modules/NAME/inputs/INPUT")'
_ADDRESS_FORM: Final = 'Write BrokeredEndpoint("/modules/NAME/inputs/INPUT")'


class Endpoint(NamedTuple):
    """Where a route leads. `id` is `iothub`, or `<device>/<module>/<input>`; equal ids are one endpoint."""

    kind: Literal["iothub", "module"]
    id: str
    module: str | None = None
    input: str | None = None


UPSTREAM: Final = Endpoint("iothub", "iothub")


@dataclass(frozen=True, slots=True)
class Route:
    """One route.

    Attributes:
        source: the path as written, `/messages/*`.
        priority: 0 (most urgent) to 9, or `DEFAULT_PRIORITY`, which comes after all of them.
        time_to_live_s: seconds, None to inherit the global value.
    """

    name: str
    text: str
    source: str
    condition: Condition
    endpoint: Endpoint
    priority: int = DEFAULT_PRIORITY
    time_to_live_s: int | None = None

    @property
    def source_prefix(self) -> str:
        """Folded, with one slash at the end: a message matches whose source begins with it (spec C.2)."""
        return source_key(self.source.rstrip("*"))

    def matches_source(self, source: str) -> bool:
        """Whether messages from this source come by here."""
        return source_key(source).startswith(self.source_prefix)


def source_key(path: str) -> str:
    """A source path for comparison."""
    return fold(path.rstrip("/")) + "/"


def parse_route(name: str, text: str, *, device_id: str) -> Route:
    """Compile one route with default priority and time to live. Raises RouteErrors."""
    try:
        parts = parse_route_text(text)
        condition = ALWAYS if parts.condition is None else Condition(text, parts.condition)
        endpoint = _endpoint(text, parts.sink, device_id)
    except RouteErrors as errors:
        raise RouteErrors([error.of_route(name) for error in errors.errors]) from None
    return Route(name, text, parts.source, condition, endpoint)


def _endpoint(text: str, sink: SinkItem, device_id: str) -> Endpoint:
    if sink.address is None:
        if sink.name.lower() == "$upstream":
            return UPSTREAM
        message = f"{sink.name} is no endpoint"
        raise RouteErrors(
            [
                RouteError.at(
                    text,
                    sink.position,
                    message,
                    _SINK_FORMS,
                )
            ]
        )
    if sink.name.lower() != "brokeredendpoint":
        message = f"{sink.name} is no kind of endpoint"
        raise RouteErrors([RouteError.at(text, sink.position, message, _ADDRESS_FORM)])
    segments = sink.address.strip().removeprefix("/").removesuffix("/").split("/")
    if len(segments) != 4 or not segments[1] or not segments[3]:
        message = f'"{sink.address}" is no address of a module\'s input'
        raise RouteErrors([RouteError.at(text, sink.address_position, message, _ADDRESS_FORM)])
    _, module, _, input_name = segments
    return Endpoint("module", f"{device_id}/{module}/{input_name}", module, input_name)


def parse_routes(document: Mapping[str, object], *, device_id: str, schema_version: str) -> tuple[Route, ...]:
    """Compile the `routes` section of `$edgeHub`'s desired properties, in its order.

    Args:
        document: route name to text or, from schema 1.1 on, `{"route", "priority"?, "timeToLiveSecs"?}`.
        device_id: the edge device, for the endpoints' ids.
        schema_version: `1.0` to `1.3`, a third number is tolerated.

    Raises:
        RouteErrors: every mistake of every route; none of them may be used then.
    """
    version = _SCHEMA_VERSION.fullmatch(schema_version) if isinstance(schema_version, str) else None
    if version is None:
        message = f"schemaVersion {schema_version!r} is not supported"
        raise RouteErrors([RouteError(message, mend="Write 1.0, 1.1, 1.2 or 1.3")])
    routes: list[Route] = []
    errors: list[RouteError] = []
    for name, entry in document.items():
        try:
            route = _parse_entry(name, entry, device_id, plain=version[1] == "0")
        except RouteErrors as found:
            errors.extend(found.errors)
        else:
            routes.extend([] if route is None else [route])
    if errors:
        raise RouteErrors(errors)
    return tuple(routes)


def _parse_entry(name: str, entry: object, device_id: str, *, plain: bool) -> Route | None:
    """One entry; None for one that schema 1.0 skips."""
    if not name.strip():
        raise _refused(name, "a route has an empty name", "Give it a name")
    if plain and (entry is None or (isinstance(entry, str) and not entry.strip())):
        return None
    if isinstance(entry, str):
        return parse_route(name, entry, device_id=device_id)
    if plain:
        raise _refused(name, "schema 1.0 knows only text here", "Write the route as text, or use schema 1.1")
    if not isinstance(entry, Mapping):
        raise _refused(name, f"{entry!r} is no route", 'Write text, or {"route": text, "priority": 0}')
    return _parse_object(name, entry, device_id)


def _parse_object(name: str, entry: Mapping[str, object], device_id: str) -> Route:
    errors: list[RouteError] = []
    for key in entry:
        if key not in _KEYS:
            errors.extend(_refused(name, f'"{key}" means nothing here', f"Use {', '.join(_KEYS)}").errors)
    priority = entry.get("priority", DEFAULT_PRIORITY)
    if not _is_integer(priority, 9) and priority != DEFAULT_PRIORITY:
        message = f"priority is {priority!r}"
        errors.extend(_refused(name, message, "Write a number from 0 (most urgent) to 9").errors)
    time_to_live = entry.get("timeToLiveSecs", 0)
    if not _is_integer(time_to_live, _MAX_TTL_S):
        message = f"timeToLiveSecs is {time_to_live!r}"
        errors.extend(_refused(name, message, "Write seconds, 0 to inherit the global value").errors)
    text = entry.get("route")
    route = None
    if not isinstance(text, str):
        errors.extend(_refused(name, f"route is {text!r}", "Write the route as text").errors)
    else:
        try:
            route = parse_route(name, text, device_id=device_id)
        except RouteErrors as found:
            errors.extend(found.errors)
    if errors or route is None or not isinstance(priority, int) or not isinstance(time_to_live, int):
        raise RouteErrors(errors)
    return Route(
        name, route.text, route.source, route.condition, route.endpoint, priority, time_to_live or None
    )


def _is_integer(value: object, maximum: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= maximum


def _refused(name: str, message: str, mend: str) -> RouteErrors:
    return RouteErrors([RouteError(message, mend=mend, route=name)])
