"""The workflow definition: what it refers to is there, and real events pass its trigger's schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from tests.targets.environments import ROOT
from tests.targets.test_alerts import END, event

WORKFLOW: dict[str, Any] = json.loads((ROOT / "targets" / "logic_apps" / "workflow.json").read_text())
TRIGGER = WORKFLOW["triggers"]["event"]
# What the service's documentation allows of the kinds that are used here.
ACTION_TYPES = {"If", "Compose", "Http"}
FUNCTIONS = {"triggerBody", "parameters", "outputs", "concat"}
OPERATORS = {"and", "or", "not", "equals", "greaterOrEquals"}


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts(inner)


def scopes(actions: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield actions
    for action in actions.values():
        if "actions" in action:
            yield from scopes(action["actions"])
            yield from scopes(action.get("else", {}).get("actions", {}))


EXPRESSIONS = [text for text in texts([WORKFLOW["actions"]]) if text.startswith("@")]


def test_it_is_a_definition_of_the_current_language() -> None:
    assert set(WORKFLOW) == {"$schema", "contentVersion", "parameters", "triggers", "actions", "outputs"}
    assert "2016-06-01/workflowdefinition.json" in WORKFLOW["$schema"]
    assert (TRIGGER["type"], TRIGGER["kind"]) == ("Request", "Http")
    names = [name for scope in scopes(WORKFLOW["actions"]) for name in scope]
    assert len(names) == len(set(names)) == 3  # a name is the workflow's, not the scope's
    for scope in scopes(WORKFLOW["actions"]):
        for action in scope.values():
            assert action["type"] in ACTION_TYPES
            assert set(action["runAfter"]) <= set(scope)
            assert {word for words in action["runAfter"].values() for word in words} <= {"Succeeded"}


def test_its_expressions_name_what_is_there() -> None:
    names = {name for scope in scopes(WORKFLOW["actions"]) for name in scope}
    properties = set(TRIGGER["inputs"]["schema"]["properties"])
    assert len(EXPRESSIONS) >= 6
    for text in EXPRESSIONS:
        assert set(re.findall(r"(\w+)\(", text)) <= FUNCTIONS
        assert set(re.findall(r"triggerBody\(\)\?\['(\w+)'\]", text)) <= properties
        assert set(re.findall(r"parameters\('(\w+)'\)", text)) <= set(WORKFLOW["parameters"])
        assert set(re.findall(r"outputs\('(\w+)'\)", text)) <= names
        assert text.count("(") == text.count(")")


def test_its_condition_is_made_of_known_operators() -> None:
    expression = WORKFLOW["actions"]["is_alert"]["expression"]
    assert set(expression) <= OPERATORS
    for term in expression["and"]:
        assert set(term) <= OPERATORS


@pytest.mark.parametrize("changes", [{}, END])
def test_events_pass_the_trigger_s_schema(changes: dict[str, Any]) -> None:
    jsonschema.validate(event(**changes), TRIGGER["inputs"]["schema"])


@pytest.mark.parametrize("changes", [{"schema": "summary/1"}, {"type": "begin"}, {"meanProbability": "high"}])
def test_other_messages_do_not(changes: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(event(**changes), TRIGGER["inputs"]["schema"])


def test_the_url_with_its_key_is_a_secret() -> None:
    assert WORKFLOW["parameters"]["notifyUrl"] == {"type": "SecureString"}
    notify = WORKFLOW["actions"]["is_alert"]["actions"]["notify"]
    assert notify["runtimeConfiguration"]["secureData"]["properties"] == ["inputs"]
    assert notify["inputs"]["retryPolicy"]["type"] == "exponential"
