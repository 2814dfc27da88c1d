"""The route language of edgeHub: routes, conditions, and which endpoints a message goes to. Pure.

routes = parse_routes(desired["routes"], device_id="edge", schema_version="1.2")
for match in Evaluator(routes).evaluate(message):
    ...
"""

from edge_runtime.routing.condition import Condition, Truth, compile_condition
from edge_runtime.routing.errors import RouteError, RouteErrors, RouteLanguageError
from edge_runtime.routing.evaluator import Evaluator, Match
from edge_runtime.routing.explain import Explanation, Part, explain
from edge_runtime.routing.message import Context, Properties, RoutingMessage
from edge_runtime.routing.routes import DEFAULT_PRIORITY, UPSTREAM, Endpoint, Route, parse_route, parse_routes

__all__ = [
    "DEFAULT_PRIORITY",
    "UPSTREAM",
    "Condition",
    "Context",
    "Endpoint",
    "Evaluator",
    "Explanation",
    "Match",
    "Part",
    "Properties",
    "Route",
    "RouteError",
    "RouteErrors",
    "RouteLanguageError",
    "RoutingMessage",
    "Truth",
    "compile_condition",
    "explain",
    "parse_route",
    "parse_routes",
]
