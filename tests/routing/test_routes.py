"""Spec C.1, C.2, C.9, C.10: routes, where they lead, and what their configuration may hold."""

from __future__ import annotations

import pytest

from edge_runtime.routing import (
    DEFAULT_PRIORITY,
    Endpoint,
    RouteErrors,
    compile_condition,
    parse_route,
    parse_routes,
)
from edge_runtime.routing.message_json import JsonMessage

SOURCES = [
    # What the fact is, FROM, message source, match.
    ("/* takes everything", "/*", "/messages/modules/a/outputs/o/", True),
    ("/* takes twin change notifications", "/*", "/twinChangeNotifications/", True),
    ("/messages/* takes leaf devices", "/messages/*", "/messages/", True),
    ("/messages is the same", "/messages", "/messages/modules/a/", True),
    ("/messages/* takes no twin changes", "/messages/*", "/twinChangeNotifications/", False),
    ("twin changes alone", "/twinChangeNotifications", "/twinChangeNotifications/", True),
    ("a module's default output", "/messages/modules/a/*", "/messages/modules/a/", True),
    ("a module's named outputs", "/messages/modules/a/*", "/messages/modules/a/outputs/o/", True),
    ("without * too", "/messages/modules/a", "/messages/modules/a/outputs/o/", True),
    ("one output", "/messages/modules/a/outputs/o", "/messages/modules/a/outputs/o/", True),
    ("another output", "/messages/modules/a/outputs/o", "/messages/modules/a/outputs/p/", False),
    ("an output is no default output", "/messages/modules/a/outputs/o", "/messages/modules/a/", False),
    ("whole segments", "/messages/modules/a/*", "/messages/modules/ab/", False),
    ("whole segments in outputs", "/messages/modules/a/outputs/o", "/messages/modules/a/outputs/oo/", False),
    ("case is ignored", "/MESSAGES/Modules/A/*", "/messages/modules/a/outputs/O/", True),
    (
        "outputs/* is all named outputs",
        "/messages/modules/a/outputs/*",
        "/messages/modules/a/outputs/o/",
        True,
    ),
    ("outputs/* is not the default output", "/messages/modules/a/outputs/*", "/messages/modules/a/", False),
    ("a trailing * in a name is lost", "/messages/modules/a*", "/messages/modules/ab/", False),
    ("a * inside never matches", "/messages/*/outputs/o", "/messages/modules/a/outputs/o/", False),
    ("blanks between the parts", "/ messages / modules / a", "/messages/modules/a/", True),
    ("names with digits in front", "/messages/modules/1cam", "/messages/modules/1cam/", True),
    ("names with operator characters", "/messages/modules/a-b+c", "/messages/modules/a-b+c/", True),
]


@pytest.mark.parametrize(
    ("path", "source", "match"), [row[1:] for row in SOURCES], ids=[row[0] for row in SOURCES]
)
def test_source(path: str, source: str, match: bool) -> None:
    assert parse_route("r", f"FROM {path} INTO $upstream", device_id="edge").matches_source(source) is match


CLASSIFIER = Endpoint("module", "edge/classifier/frames", "classifier", "frames")
UPSTREAM = Endpoint("iothub", "iothub")
SINKS = [
    ("$upstream", "$upstream", UPSTREAM),
    ("$upstream ignores case", "$UPSTREAM", UPSTREAM),
    ("double quotes", 'BrokeredEndpoint("/modules/classifier/inputs/frames")', CLASSIFIER),
    ("single quotes", "BrokeredEndpoint('/modules/classifier/inputs/frames')", CLASSIFIER),
    ("the name ignores case", "brokeredendpoint('/modules/classifier/inputs/frames')", CLASSIFIER),
    ("no slash in front", "BrokeredEndpoint('modules/classifier/inputs/frames')", CLASSIFIER),
    ("a slash behind", "BrokeredEndpoint('/modules/classifier/inputs/frames/')", CLASSIFIER),
    ("blanks around", "BrokeredEndpoint ( '  /modules/classifier/inputs/frames ' )", CLASSIFIER),
    ("segments 1 and 3 are not checked", "BrokeredEndpoint('/a/classifier/b/frames')", CLASSIFIER),
    ("whatever follows is ignored", "$upstream; WHERE 'x \\ @", UPSTREAM),
    (
        "whatever follows brackets is ignored",
        "BrokeredEndpoint('/m/classifier/i/frames') INTO 'x",
        CLASSIFIER,
    ),
    (
        "quotes inside stay",
        "BrokeredEndpoint('/modules/it\"s/inputs/in')",
        Endpoint("module", 'edge/it"s/in', 'it"s', "in"),
    ),
    (
        "escapes inside stay",
        r"BrokeredEndpoint('/modules/it\'s/inputs/in')",
        Endpoint("module", r"edge/it\'s/in", r"it\'s", "in"),
    ),
]


@pytest.mark.parametrize(("sink", "endpoint"), [row[1:] for row in SINKS], ids=[row[0] for row in SINKS])
def test_sink(sink: str, endpoint: Endpoint) -> None:
    assert parse_route("r", f"FROM /* INTO {sink}", device_id="edge").endpoint == endpoint


CONDITIONS = [
    ("no WHERE is always true", "FROM /* INTO $upstream", "true"),
    ("SELECT * may stand in front", "SELECT * FROM /* INTO $upstream", "true"),
    ("keywords ignore case", "select * From /* where a = 'b' iNTO $upstream", "a = 'b'"),
    (
        "the condition as written",
        "FROM /messages WHERE  a = 'b'  AND (c = 'd') INTO $upstream",
        "a = 'b'  AND (c = 'd')",
    ),
    ("line breaks", "FROM /*\nWHERE a = 'b'\r\n\tINTO $upstream", "a = 'b'"),
    # The /* of the source opens a comment when */ comes later, and takes the WHERE along.
    ("a comment hides the WHERE", "FROM /messages/* WHERE a = 'b' /* why */ INTO $upstream", "true"),
    ("a comment elsewhere does no harm", "FROM /messages WHERE a = 'b' /* why */ INTO $upstream", "a = 'b'"),
]


@pytest.mark.parametrize(
    ("text", "condition"), [row[1:] for row in CONDITIONS], ids=[row[0] for row in CONDITIONS]
)
def test_condition(text: str, condition: str) -> None:
    assert parse_route("r", text, device_id="edge").condition.text == condition


INVALID = [
    # What the fact is, the route, line, column.
    ("blank", "  ", 1, 1),
    ("FROM is misspelt", "FORM /messages INTO $upstream", 1, 1),
    ("SELECT needs *", "SELECT FROM /messages INTO $upstream", 1, 8),
    ("SELECT a", "SELECT a FROM /messages INTO $upstream", 1, 8),
    ("no source", "FROM INTO $upstream", 1, 6),
    ("no slash", "FROM messages INTO $upstream", 1, 6),
    ("a slash at the end", "FROM /messages/ INTO $upstream", 1, 17),
    ("two slashes", "FROM //messages INTO $upstream", 1, 7),
    ("a number as module", "FROM /messages/modules/123 INTO $upstream", 1, 24),
    ("an exponent as module", "FROM /messages/modules/e5 INTO $upstream", 1, 24),
    ("a keyword as output", "FROM /messages/modules/a/outputs/and INTO $upstream", 1, 34),
    ("a route word as module", "FROM /messages/modules/select INTO $upstream", 1, 24),
    ("a literal as module", "FROM /messages/modules/true INTO $upstream", 1, 24),
    ("$edgeHub as module", "FROM /messages/modules/$edgeHub INTO $upstream", 1, 24),
    ("no condition", "FROM /messages WHERE INTO $upstream", 1, 22),
    ("a comment for a condition", "FROM /messages WHERE /* x */ INTO $upstream", 1, 30),
    ("half a condition", "FROM /messages WHERE a = INTO $upstream", 1, 26),
    ("== in the condition", "FROM /messages WHERE a == 'b' INTO $upstream", 1, 25),
    ("two operands", "FROM /messages WHERE a 'b' INTO $upstream", 1, 24),
    ("a type error", "FROM /messages WHERE a = 5 INTO $upstream", 1, 24),
    ("a type error in line 3", "FROM /messages\nWHERE a = 'b'\n  AND c > 5\nINTO $upstream", 3, 9),
    ("a body path", "FROM /messages WHERE $body.a[*] = 5 INTO $upstream", 1, 22),
    ("two WHERE", "FROM /messages WHERE a = 'b' WHERE c = 'd' INTO $upstream", 1, 30),
    ("no INTO", "FROM /messages", 1, 15),
    ("no sink", "FROM /messages WHERE a = 'b' INTO", 1, 34),
    ("a name as sink", "FROM /messages INTO upstream", 1, 29),
    ("another $ name", "FROM /messages INTO $down", 1, 21),
    ("$upstream with more", "FROM /messages INTO $upstream.x", 1, 21),
    ("another function", "FROM /messages INTO Endpoint('/modules/a/inputs/b')", 1, 21),
    ("a path as sink", "FROM /messages INTO /modules/a/inputs/b", 1, 21),
    ("a string as sink", "FROM /messages INTO '/modules/a/inputs/b'", 1, 21),
    ("no bracket", "FROM /messages INTO BrokeredEndpoint '/modules/a/inputs/b'", 1, 38),
    ("an open bracket", "FROM /messages INTO BrokeredEndpoint('/modules/a/inputs/b'", 1, 59),
    ("an unquoted address", "FROM /messages INTO BrokeredEndpoint(/modules/a/inputs/b)", 1, 38),
    ("mixed quotes", "FROM /messages INTO BrokeredEndpoint('/modules/a/inputs/b\")", 1, 38),
    ("a short address", "FROM /messages INTO BrokeredEndpoint('/modules/a')", 1, 38),
    ("two slashes in front", "FROM /messages INTO BrokeredEndpoint('//modules/a/inputs/b')", 1, 38),
    ("two slashes behind", "FROM /messages INTO BrokeredEndpoint('/modules/a/inputs/b//')", 1, 38),
    ("no module", "FROM /messages INTO BrokeredEndpoint('/modules//inputs/b')", 1, 38),
    ("*/ in a string ends the source's comment", "FROM /messages/* WHERE a = '*/' INTO $upstream", 1, 31),
    ("an empty address", "FROM /messages INTO BrokeredEndpoint('')", 1, 38),
]


@pytest.mark.parametrize(
    ("text", "line", "column"), [row[1:] for row in INVALID], ids=[row[0] for row in INVALID]
)
def test_invalid_route_is_located(text: str, line: int, column: int) -> None:
    with pytest.raises(RouteErrors) as caught:
        parse_routes({"r1": text}, device_id="edge", schema_version="1.2")
    (error,) = caught.value.errors
    assert (error.route, error.line, error.column) == ("r1", line, column), error
    assert error.mend


def test_sql_intuition_lane() -> None:
    """G.23: `lane!='x'` compiles and asks for a property called `lane!`."""
    route = parse_route("r", "FROM /* WHERE lane!='x' INTO $upstream", device_id="edge")
    message = JsonMessage("/messages/", {"lane!": "x"}, {}, b"")
    assert route.condition.truth(message) == "true"
    assert compile_condition("lane != 'x'").truth(message._replace(app={"lane": "y"})) == "true"


GOOD = "FROM /* INTO $upstream"


def test_document_of_schema_1_0() -> None:
    routes = parse_routes({"a": GOOD, "blank": " ", "none": None}, device_id="edge", schema_version="1.0")
    assert [(route.name, route.priority, route.time_to_live_s) for route in routes] == [
        ("a", DEFAULT_PRIORITY, None)
    ]


def test_document_of_later_schemas() -> None:
    document = {
        "a": GOOD,
        "b": {"route": GOOD},
        "c": {"route": GOOD, "priority": 0, "timeToLiveSecs": 60},
        "d": {"route": GOOD, "priority": 9, "timeToLiveSecs": 0},
        "e": {"route": GOOD, "priority": DEFAULT_PRIORITY},
    }
    for version in ("1.1", "1.2", "1.3", "1.1.0"):
        routes = parse_routes(document, device_id="edge", schema_version=version)
        assert [(route.name, route.priority, route.time_to_live_s) for route in routes] == [
            ("a", DEFAULT_PRIORITY, None),
            ("b", DEFAULT_PRIORITY, None),
            ("c", 0, 60),
            ("d", 9, None),
            ("e", DEFAULT_PRIORITY, None),
        ]
        assert all(route.text == GOOD for route in routes)


REFUSED: list[tuple[str, str, dict[str, object], str]] = [
    ("an object in schema 1.0", "1.0", {"a": {"route": GOOD}}, "schema 1.1"),
    ("a blank in schema 1.1", "1.1", {"a": " "}, "the route is empty"),
    ("null in schema 1.1", "1.1", {"a": None}, "None is no route"),
    ("a number", "1.1", {"a": 5}, "5 is no route"),
    ("a list", "1.1", {"a": [GOOD]}, "is no route"),
    ("no route in the object", "1.1", {"a": {"priority": 1}}, "route is None"),
    ("an empty name", "1.1", {"": GOOD}, "empty name"),
    ("priority 10", "1.1", {"a": {"route": GOOD, "priority": 10}}, "priority is 10"),
    ("priority -1", "1.1", {"a": {"route": GOOD, "priority": -1}}, "priority is -1"),
    ("priority as text", "1.1", {"a": {"route": GOOD, "priority": "1"}}, "priority is '1'"),
    ("priority true", "1.1", {"a": {"route": GOOD, "priority": True}}, "priority is True"),
    ("priority as list", "1.1", {"a": {"route": GOOD, "priority": []}}, "priority is"),
    ("a negative time to live", "1.1", {"a": {"route": GOOD, "timeToLiveSecs": -1}}, "timeToLiveSecs is -1"),
    ("a time to live of 2^32", "1.1", {"a": {"route": GOOD, "timeToLiveSecs": 2**32}}, "timeToLiveSecs is"),
    ("a misspelt key", "1.1", {"a": {"route": GOOD, "timeToLive": 5}}, '"timeToLive" means nothing'),
    ("schema 1.4", "1.4", {"a": GOOD}, "'1.4' is not supported"),
    ("schema 2.0", "2.0", {}, "'2.0' is not supported"),
    ("no schema version", "", {}, "'' is not supported"),
    ("a schema version of one number", "1", {}, "'1' is not supported"),
]


@pytest.mark.parametrize(
    ("version", "document", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_refused_document(version: str, document: dict[str, object], words: str) -> None:
    with pytest.raises(RouteErrors) as caught:
        parse_routes(document, device_id="edge", schema_version=version)
    assert words in str(caught.value)


def test_one_broken_route_refuses_all_and_every_mistake_is_told() -> None:
    document = {
        "good": GOOD,
        "syntax": "FROM /* INTO",
        "types": "FROM /messages WHERE a = 5 AND b = 6 INTO $upstream",
        "entry": {"route": "FROM x INTO $upstream", "priority": 11, "ttl": 3},
    }
    with pytest.raises(RouteErrors) as caught:
        parse_routes(document, device_id="edge", schema_version="1.1")
    assert [(error.route, error.column) for error in caught.value.errors] == [
        ("syntax", 13),
        ("types", 24),
        ("types", 34),
        ("entry", 1),
        ("entry", 1),
        ("entry", 6),
    ]


def test_the_documents_order_is_kept() -> None:
    routes = parse_routes({"z": GOOD, "a": GOOD}, device_id="edge", schema_version="1.1")
    assert [route.name for route in routes] == ["z", "a"]
