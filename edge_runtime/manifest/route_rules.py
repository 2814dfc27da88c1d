"""The catalogue of what the doctor finds in routes."""

from __future__ import annotations

from functools import partial

from edge_runtime.manifest.problem import Rule, Severity

_error = partial(Rule, Severity.ERROR)
_warning = partial(Rule, Severity.WARNING)

ROUTE_LANGUAGE = _error(
    "route-language",
    "a route that does not compile: its syntax, or the types in its condition",
    "the hub refuses all routes and keeps the ones it had",
    "correct the route at this place",
)
ROUTE_COMMENT = _error(
    "route-comment",
    "a /* in a source that begins a comment, because a */ comes later",
    "the condition is part of the comment: every message takes the route, or it does not compile",
    "leave out the star at the end of the source (it matches the same), or the */",
)
ROUTE_UNKNOWN_MODULE = _error(
    "route-unknown-module",
    "a route from or to a module that is not deployed",
    "no message comes from there, or the messages wait until they expire",
    "correct the module's name",
)
ROUTE_SOURCE = _error(
    "route-source",
    "a source that no message has",
    "the route never takes a message",
    "write /messages/*, /messages/modules/NAME/outputs/OUTPUT or /twinChangeNotifications/*",
)
ROUTE_UNKNOWN_OUTPUT = _warning(
    "route-unknown-output",
    "a route from an output whose name the module's code does not contain",
    "the route probably never takes a message",
    "correct the output's name",
)
ROUTE_UNKNOWN_INPUT = _warning(
    "route-unknown-input",
    "a route to an input whose name the module's code does not contain",
    "the SDK hands the message to nobody, or it waits until it expires",
    "correct the input's name",
)
ROUTE_BODY_NOT_JSON = _warning(
    "route-body-not-json",
    "a $body condition on messages that are not declared as JSON",
    "without contentType application/json and contentEncoding utf-8 every $body value is undefined",
    "send contentType application/json and contentEncoding utf-8, or test a property",
)
ROUTE_NEVER = _warning(
    "route-never",
    "a condition that no message makes true",
    "the route never takes a message",
    "compare it with something, or remove the route",
)
ROUTE_SYSTEM_PROPERTY = _warning(
    "route-system-property",
    "a $name that is no system property, or a system property without its $",
    "it is undefined for every message that has no property of that name",
    "correct the name",
)
ROUTE_OPERATOR_IN_NAME = _warning(
    "route-operator-in-name",
    "a property name that holds an operator",
    "operators made of ! + - * % | need blanks around them; without, they are part of the name",
    "put blanks around the operator, as in lane <> 'x'",
)
ROUTE_DUPLICATE = _warning(
    "route-duplicate",
    "two routes with the same source, condition and endpoint",
    "an endpoint gets one copy of a message: one of the routes does nothing",
    "remove one of them",
)
ROUTE_SHADOWED = _warning(
    "route-shadowed",
    "a route whose messages all take another route to the same endpoint, which decides",
    "an endpoint gets one copy of a message, with the priority and time to live of the other route",
    "remove it, or give it a more urgent priority",
)
ROUTE_LOOP = _warning(
    "route-loop",
    "a route of all messages, without a condition, into a module",
    "the module is sent its own messages again, without end if it answers each",
    "name the source, or add WHERE $connectionModuleId <> 'NAME'",
)
HUB_TIME_TO_LIVE = _warning(
    "hub-time-to-live",
    "a timeToLiveSecs of 0 for the whole hub",
    "every message expires at once",
    "give seconds, such as 7200, or -1 for ever",
)
