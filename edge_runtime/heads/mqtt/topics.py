"""Every topic between clients and the hub, as pure functions (spec A.6, B.1, B.2, B.4, B.7, B.8).

Device and module ids are never escaped in a topic; what comes after them is.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from edge_runtime.heads.mqtt.property_bag import escape, unescape
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import Feature

TWIN_RESPONSES = "$iothub/twin/res/#"
_FEATURE_FILTERS = {
    "$iothub/methods/POST/#": Feature.METHODS,
    "$iothub/twin/PATCH/properties/desired/#": Feature.DESIRED,
}
_IDS = re.compile(r"devices/([^/]*)(?:/modules/([^/]*))?(?:/|\Z)")
_REQUEST = re.compile(
    r"\$iothub/(?:(?P<get>twin/GET)|(?P<report>twin/PATCH/properties/reported)|methods/res/(?P<status>[^/?]*))"
    r"/?\?(?P<query>.*)",
    re.DOTALL,
)
_UNSAFE = re.compile(r"[%/?#+&=\0]")


class UsernameError(ValueError):
    """A CONNECT user name that does not say who connects; answered with CONNACK 3 (spec A.6)."""


class Username(NamedTuple):
    host: str
    client: ClientId
    api_version: str
    client_type: str | None
    model_id: str | None


class TwinGet(NamedTuple):
    """`request_id` is kept as it was written, so that the answer echoes it exactly."""

    request_id: str


class ReportedPatch(NamedTuple):
    """`request_id` as in TwinGet."""

    request_id: str


class MethodResponse(NamedTuple):
    """`request_id` is decoded: it is the one that the hub chose."""

    status: int
    request_id: str


def parse_username(text: str) -> Username:
    """`HOST/DEVICE[/MODULE]/?api-version=..&DeviceClientType=..&model-id=..`; the `?` may be missing.

    HOST is the IoT Hub's name although the socket goes to the gateway. Ids are raw, values percent-encoded;
    of a repeated key the first counts; `api-version` must be there, whatever its value.
    """
    path, mark, query = text.partition("/?")
    if not mark:
        path, _, query = text.rpartition("/")
    host, *ids = path.split("/")
    if not host or len(ids) not in (1, 2) or not all(ids):
        raise UsernameError(
            "user name is not HOST/DEVICE/?api-version=.. or HOST/DEVICE/MODULE/?api-version=.."
        )
    values: dict[str, str] = {}
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        values.setdefault(unescape(key), unescape(value))
    if not values.get("api-version"):
        raise UsernameError("user name has no api-version")
    client = ClientId(*ids)
    return Username(
        host, client, values["api-version"], values.get("DeviceClientType"), values.get("model-id")
    )


def base(client: ClientId) -> str:
    """`devices/DEVICE` or `devices/DEVICE/modules/MODULE`: how every topic with ids begins."""
    if client.module is None:
        return f"devices/{client.device}"
    return f"devices/{client.device}/modules/{client.module}"


def events_prefix(client: ClientId) -> str:
    """`devices/DEVICE[/modules/MODULE]/messages/events`: where the client sends telemetry."""
    return base(client) + "/messages/events"


def bag_text(topic: str, prefix: str) -> str | None:
    """The bag of a telemetry topic that starts with `events_prefix`, None for any other topic.

    `PREFIX/BAG`; a bag may begin with `?` and ends at the next `/`, which Node appends; without properties
    the topic may end in `/` (Python) or not.
    """
    if not topic.startswith(prefix):
        return None
    rest = topic[len(prefix) :]
    if not rest:
        return ""
    if rest[0] != "/":
        return None
    return rest[1:].partition("/")[0].removeprefix("?")


def names_another(topic: str, client: ClientId) -> bool:
    """Does the topic bear ids other than the client's own? edgeHub believes them; this hub refuses."""
    ids = _IDS.match(topic)
    return ids is not None and ids.groups() != (client.device, client.module)


def parse_request(topic: str) -> TwinGet | ReportedPatch | MethodResponse | None:
    """A client's request or answer; None for any other topic, or one without `$rid` or numeric status.

    `$iothub/twin/GET/?$rid=R`, `$iothub/twin/PATCH/properties/reported/?$rid=R`,
    `$iothub/methods/res/STATUS/?$rid=R`.
    """
    match = _REQUEST.fullmatch(topic)
    if match is None:
        return None
    request_id = _request_id(match["query"])
    if request_id is None:
        return None
    if match["get"]:
        return TwinGet(request_id)
    if match["report"]:
        return ReportedPatch(request_id)
    status = unescape(match["status"])
    if re.fullmatch(r"-?[0-9]{1,9}", status) is None:
        return None
    return MethodResponse(int(status), unescape(request_id))


def _request_id(query: str) -> str | None:
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if value and unescape(name) == "$rid":
            return value
    return None


def feature_of(topic_filter: str, client: ClientId) -> Feature | None:
    """What a client subscribes to with this filter, None for foreign and unknown filters.

    Inputs: any filter below `devices/DEVICE/modules/MODULE/` that ends in `#`, as loosely as edgeHub reads
    it (the C SDK leaves out `inputs`). Only devices have `devices/DEVICE/messages/devicebound/#`.
    """
    feature = _FEATURE_FILTERS.get(topic_filter)
    if feature is not None:
        return feature
    if client.module is None:
        return Feature.DEVICEBOUND if topic_filter == base(client) + "/messages/devicebound/#" else None
    own = base(client) + "/"
    if topic_filter == own + "#" or (topic_filter.startswith(own + "inputs/") and topic_filter[-1] == "#"):
        return Feature.INPUTS
    return None


def input_topic(client: ClientId, input_name: str, bag: str) -> str:
    """`devices/DEVICE/modules/MODULE/inputs/INPUT/BAG`; Node ignores a topic without the slash before BAG."""
    return _inputs(client, input_name) + bag


@lru_cache(1024)
def _inputs(client: ClientId, input_name: str) -> str:
    return f"{base(client)}/inputs/{_segment(input_name)}/"


def devicebound_topic(client: ClientId, bag: str) -> str:
    """`devices/DEVICE/messages/devicebound/BAG`, with `$.to` in the bag (spec B.6)."""
    to = escape(f"/devices/{client.device}/messages/devicebound")
    return f"devices/{client.device}/messages/devicebound/%24.to={to}" + (f"&{bag}" if bag else "")


def method_topic(method: str, request_id: str) -> str:
    """`$iothub/methods/POST/METHOD/?$rid=R`; edgeHub does not escape METHOD, so only what breaks is."""
    return f"$iothub/methods/POST/{_segment(method)}/?$rid={escape(request_id)}"


def twin_response_topic(status: int, request_id: str) -> str:
    """`$iothub/twin/res/STATUS/?$rid=R`, R as the client wrote it."""
    return f"$iothub/twin/res/{status}/?$rid={request_id}"


def desired_patch_topic(version: int) -> str:
    """`$iothub/twin/PATCH/properties/desired/?$version=N`."""
    return f"$iothub/twin/PATCH/properties/desired/?$version={version}"


def _segment(text: str) -> str:
    """One topic level: escaped only where a raw character would end it, or is not allowed in MQTT."""
    return _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", text)
