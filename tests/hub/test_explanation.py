"""What the hub's routes say of a message that somebody wrote down."""

from __future__ import annotations

from typing import Any

import pytest

from edge_runtime.hub.explanation import MOST_BODY_BYTES, Explainer, InvalidMessageError, message_of
from edge_runtime.hub.message import ClientId, Message
from edge_runtime.hub.ports import JsonObject
from edge_runtime.hub.router import Router, short_name
from edge_runtime.hub.twin_changes import twin_change
from tests.hub.test_edge_hub import TO_CLASSIFIER, UPSTREAM

ALERTS = 'FROM /messages/modules/filter/* WHERE level = "alert" AND $body.score > 0.5 INTO $upstream'


def router(**routes: str) -> Router:
    return Router({"schemaVersion": "1.2", "routes": routes}, device_id="edge")


async def explained(routes: Router, document: JsonObject) -> JsonObject:
    return await Explainer().explain(routes.routes, message_of(document, device_id="edge"))


async def test_each_route_says_what_decided() -> None:
    document = {
        "module": "filter",
        "output": "events",
        "app": {"level": "alert"},
        "sys": {"contentType": "application/json", "contentEncoding": "utf-8"},
        "body": {"score": 0.25},
    }
    told = await explained(router(alerts=ALERTS, frames=TO_CLASSIFIER), document)
    alerts, frames = told["routes"]
    assert (alerts["name"], alerts["text"], alerts["endpoint"]) == ("alerts", ALERTS, "iothub")
    assert (alerts["matched"], alerts["sourceMatched"], alerts["condition"]) == (False, True, "false")
    assert alerts["deciding"] == {"text": "$body.score > 0.5", "line": 1, "column": 59, "value": "false"}
    assert [part["value"] for part in alerts["operands"]] == ["0.25"]
    assert (frames["matched"], frames["sourceMatched"], frames["endpoint"]) == (
        False,
        False,
        "classifier/frames",
    )
    assert (told["source"], told["matches"]) == ("/messages/modules/filter/outputs/events/", [])


@pytest.mark.parametrize(
    "message",
    [
        Message(
            ClientId("edge", "camera"),
            "frames",
            {"a": "1", "empty": None},
            {"connectionDeviceId": "edge", "connectionModuleId": "camera", "contentType": "image/jpeg"},
            b"\xff\xd8",
        ),
        Message(ClientId("leaf"), None, {}, {"connectionDeviceId": "leaf"}, b"x"),
        twin_change("edge", ClientId("edge", "camera"), {"fps": 5}),
    ],
)
async def test_a_message_as_the_feed_tells_it_is_routed_as_it_was(message: Message) -> None:
    routes = router(
        frames=TO_CLASSIFIER,
        all=UPSTREAM,
        changes="FROM /twinChangeNotifications INTO $upstream",
        leaf='FROM /messages/* WHERE $connectionDeviceId = "leaf" INTO BrokeredEndpoint("/modules/a/inputs/b")',
        outside=(
            'FROM /* WHERE $edgeHubOriginInterface = "downstream" INTO BrokeredEndpoint("/modules/c/inputs/d")'
        ),
    )
    told = await explained(
        routes,
        {
            "module": message.sender.module,
            "output": message.output,
            "app": dict(message.app),
            "sys": dict(message.sys),
            "bodyBase64": "/9g=",
        },
    )
    stamped = message
    if message.sender.module is None:
        stamped = message._replace(sys={**message.sys, "edgeHubOriginInterface": "downstream"})
    expected = [(short_name(copy.endpoint), list(copy.routes)) for copy in routes.copies(stamped)]
    assert expected
    assert [(match["endpoint"], list(match["routes"])) for match in told["matches"]] == expected
    assert {route["name"] for route in told["routes"] if route["matched"]} == {
        name for _, names in expected for name in names
    }


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "a message is a JSON object"),
        (None, "a message is a JSON object"),
        ({"app": []}, '"app" is []'),
        ({"app": {"a": 1}}, '"app.a" is 1: properties are text, write "1"'),
        ({"output": "frames"}, '"output" needs "module"'),
        ({"module": 1}, '"module" is 1'),
        ({"bodyBase64": 1}, '"bodyBase64" is not Base64'),
        ({"bodyBase64": "?"}, '"bodyBase64" is not Base64'),
        ({"bodyBase64": "\u00e9"}, '"bodyBase64" is not Base64'),
        ({"body": "x", "bodyBase64": "eA=="}, "give one of them"),
        ({"body": "x" * (MOST_BODY_BYTES + 1)}, "the body has 262145 bytes: 262144 are the most"),
    ],
)
def test_what_is_no_message_is_refused(document: Any, message: str) -> None:
    with pytest.raises(InvalidMessageError) as refused:
        message_of(document, device_id="edge")
    assert message in str(refused.value)


def test_the_largest_body_is_taken() -> None:
    assert len(message_of({"body": "x" * MOST_BODY_BYTES}, device_id="edge").body) == MOST_BODY_BYTES


def test_what_the_message_says_of_its_sender_counts() -> None:
    sys = message_of({"module": "a", "sys": {"connectionDeviceId": "other"}}, device_id="edge").sys
    assert (sys["connectionDeviceId"], sys["connectionModuleId"]) == ("other", "a")
    assert message_of({"module": "a"}, device_id="edge").sys["connectionDeviceId"] == "edge"
