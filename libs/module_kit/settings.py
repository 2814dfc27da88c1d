"""One settings type for environment and twin, validated whole.

SettingsError(ValueError)     what was given is not valid: one `Problem` per variable or property
SettingsRefused(ValueError)   a module cannot apply valid settings (raised by its `on_settings` callback)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from module_kit.redaction import redact

S = TypeVar("S", bound="ModuleSettings")


class SettingsRefused(ValueError):  # noqa: N818 - what happened
    """Raised by an `on_settings` callback: these settings cannot be applied (the message says why)."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one setting. `name` is empty when several settings contradict each other."""

    name: str
    text: str


class SettingsError(ValueError):
    """Settings that are not valid."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("; ".join(problem.text for problem in problems))


class ModuleSettings(BaseModel):
    """Base of a module's settings: field `maximum_side` is twin `maximumSide` and environment `MAXIMUM_SIDE`.

    Give every field a default, a range and a description with its unit. Lists and objects come from the
    environment as JSON, a list of texts also separated by commas. An empty variable counts as not set.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, allow_inf_nan=False
    )


def twin_names(settings_type: type[ModuleSettings]) -> frozenset[str]:
    """The names of its settings in a twin: `sceneSeconds`."""
    return frozenset(_by_alias(settings_type))


def variable_of(field_name: str) -> str:
    """The environment variable of a field: `maximum_side` -> `MAXIMUM_SIDE`."""
    return field_name.upper()


def from_environment(settings_type: type[S], environment: Mapping[str, str]) -> dict[str, Any]:
    """The settings that `environment` gives, by twin name, as JSON values.

    Raises `SettingsError` that names each variable, its value and what was expected.
    """
    given = {
        name: _parsed(settings_type, name, environment[variable_of(name)])
        for name in settings_type.model_fields
        if environment.get(variable_of(name), "").strip()
    }
    try:
        settings = settings_type.model_validate(given)
    except ValidationError as error:
        raise SettingsError(
            _problems(
                settings_type,
                error,
                {name: name for name in settings_type.model_fields} | _by_alias(settings_type),
                variable_of,
            )
        ) from None
    return settings.model_dump(mode="json", by_alias=True, exclude_unset=True)


def compose(settings_type: type[S], *layers: Mapping[str, Any]) -> S:
    """Settings from layers of JSON values by twin name; a later layer wins. Types are strict: no "5" for 5.

    Raises `SettingsError` that names each property, its value and what was expected.
    """
    merged: dict[str, Any] = {}
    for layer in layers:
        merged.update(layer)
    try:
        return settings_type.model_validate_json(
            json.dumps(merged), strict=True, by_alias=True, by_name=False
        )
    except ValidationError as error:
        raise SettingsError(_problems(settings_type, error, _by_alias(settings_type), to_camel)) from None


def expected(settings_type: type[ModuleSettings], field_name: str) -> str:
    """What a setting may be, from its schema: `number from 0 to 1000; Frames per second`."""
    whole = settings_type.model_json_schema(by_alias=False)
    schema = whole["properties"][field_name]
    options = [option for option in schema.get("anyOf", [schema]) if option.get("type") != "null"]
    text = " or ".join(_shape(option, whole.get("$defs", {})) for option in options)
    description = schema.get("description")
    return f"{text}; {description}" if description else text


def _shape(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    schema = definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    if "enum" in schema or "const" in schema:
        return "one of " + ", ".join(str(value) for value in schema.get("enum", [schema.get("const")]))
    text = str(schema.get("type", "value"))
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if low is not None or above is not None:
        text += f" from {low}" if low is not None else f" above {above}"
    if high is not None or below is not None:
        text += f" to {high}" if high is not None else f" below {below}"
    if schema.get("maxLength"):
        text += f" of {schema.get('minLength', 0)} to {schema['maxLength']} characters"
    if "pattern" in schema:
        text += f" that matches {schema['pattern']}"
    parts = schema.get("items") or schema.get("additionalProperties")
    return f"{text} of {_shape(parts, definitions)}" if parts else text


def _parsed(settings_type: type[ModuleSettings], field_name: str, text: str) -> Any:
    annotation = settings_type.model_fields[field_name].annotation
    if get_origin(annotation) is Literal:  # pydantic takes no text for a number here
        return next((value for value in get_args(annotation) if str(value) == text.strip()), text)
    if get_origin(annotation) not in (list, tuple, dict, set, frozenset):
        return text.strip()
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text if get_origin(annotation) is dict else [part.strip() for part in text.split(",")]


def _by_alias(settings_type: type[ModuleSettings]) -> dict[str, str]:
    return {to_camel(name): name for name in settings_type.model_fields}


def _problems(
    settings_type: type[ModuleSettings],
    error: ValidationError,
    fields: Mapping[str, str],
    shown: Callable[[str], str],
) -> list[Problem]:
    problems: dict[str, Problem] = {}
    for found in error.errors(include_url=False, include_context=False):
        key = str(found["loc"][0]) if found["loc"] else ""
        field_name = fields.get(key)
        if not key:
            text = f"the settings contradict each other: {_message(found)}"
        elif field_name is None:
            text = f"{key}: no such setting (there are: {', '.join(sorted(fields))})"
        else:
            given = json.dumps(found["input"], default=str)
            place = "/".join([shown(field_name), *map(str, found["loc"][1:])])
            text = (
                f"{place} = {redact(given)}: {_message(found)} "
                f"(expected {expected(settings_type, field_name)})"
            )
        problems.setdefault(key, Problem(key, text))
    return list(problems.values())


def _message(found: Mapping[str, Any]) -> str:
    text = str(found["msg"]).removeprefix("Value error, ")
    return text[:1].lower() + text[1:]
