"""Access to application properties, system properties and the body (spec C.6, C.7)."""

from __future__ import annotations

from lark import Token

from edge_runtime.routing.body import PathError, parse_path
from edge_runtime.routing.expression import Expression, Mistake, constant, invalid
from edge_runtime.routing.message import Context, Evaluate
from edge_runtime.routing.values import UNDEFINED, Type, Value, fold

_BODY = "$body."


def application(items: list[Token]) -> Expression:
    """`name`."""
    (name,) = items
    return _expression(name, Type.STRING, _application(name), "property")


def dollar(items: list[Token]) -> Expression:
    """`$name`: an application property literally called so comes before the body and the system property."""
    (name,) = items
    if name.lower().startswith(("$body.", "$body[")):
        return _body(name, shadowed="[" not in name and "]" not in name)
    if "[" in name or "]" in name:
        return constant(Type.UNDEFINED, UNDEFINED, name.start_pos or 0, name.end_pos or 0)
    return _expression(name, Type.STRING, _either(_application(name), _system(name)), "property")


def escaped(items: list[Token]) -> Expression:
    """`{$name}`: the body or the system property only."""
    opening, name, closing = items
    if name.lower().startswith(("$body.", "$body[")):
        found = _body(name, shadowed=False)
    elif "[" in name or "]" in name:
        found = constant(Type.UNDEFINED, UNDEFINED, 0, 0)
    else:
        found = _expression(name, Type.STRING, _system(name), "property")
    found.start, found.end = opening.start_pos or 0, closing.end_pos or 0
    return found


def _expression(name: Token, type_: Type, evaluate: Evaluate, operator: str) -> Expression:
    return Expression(type_, evaluate, name.start_pos or 0, name.end_pos or 0, operator)


def _application(name: str) -> Evaluate:
    exact, folded = str(name), fold(name)

    def evaluate(context: Context) -> Value:
        # The name as it is written nearly always fits, and costs no folding of all the others.
        value: Value = context.message.app.get(exact, UNDEFINED)
        return context.app(folded) if value is UNDEFINED else value

    return evaluate


def _system(name: str) -> Evaluate:
    exact, folded = str(name[1:]), fold(name[1:])

    def evaluate(context: Context) -> Value:
        value: Value = context.message.sys.get(exact, UNDEFINED)
        return context.sys(folded) if value is UNDEFINED else value

    return evaluate


def _either(first: Evaluate, second: Evaluate) -> Evaluate:
    def evaluate(context: Context) -> Value:
        value = first(context)
        return second(context) if value is UNDEFINED else value

    return evaluate


def _body(name: Token, *, shadowed: bool) -> Expression:
    start, end = name.start_pos or 0, name.end_pos or 0
    try:
        path = parse_path(name[len(_BODY) :] if name[len(_BODY) - 1] == "." else name[len(_BODY) - 1 :])
    except PathError as error:
        mend = "Write names and indexes, as in $body.reading.values[0].temperature"
        return invalid(start, end, [Mistake(start, f"{name} is no body query: {error}", mend)])

    def query(context: Context) -> Value:
        return context.body.value(path)

    evaluate = _either(_application(name), query) if shadowed else query
    return _expression(name, Type.BODY, evaluate, "body")
