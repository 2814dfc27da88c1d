"""What the methods' payloads hold. Names of members have no case, as in edgeAgent; unknown ones are passed over."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    AliasGenerator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from edge_runtime.agent.methods.errors import BadArgumentError, MethodFailedError
from edge_runtime.agent.methods.moments import moment
from edge_runtime.agent.methods.patterns import checked

_VERSION = re.compile(r"(\d+)\.\d+(\.\d+){0,2}")
_ALIAS = AliasGenerator(validation_alias=lambda name: name.replace("_", ""))


def _moment(value: object) -> object:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise ValueError("a time is a text or a number")  # noqa: TRY004 - pydantic reports a ValueError
    return moment(value, datetime.now(UTC))


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return value


def _pattern(value: str) -> str:
    try:
        return checked(value)
    except BadArgumentError as error:
        raise ValueError(str(error)) from None


Moment = Annotated[datetime, BeforeValidator(_moment)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Text = Annotated[str, AfterValidator(_not_blank)]


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _in_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


class _Arguments(BaseModel):
    model_config = ConfigDict(alias_generator=_ALIAS, frozen=True)


class LogFilter(_Arguments):
    """Which lines: not older than `since`, not younger than `until`, at least as grave as `loglevel`, with `regex`.

    Of those the last `tail`.
    """

    tail: int | None = Field(None, ge=0)
    since: Moment | None = None
    until: Moment | None = None
    loglevel: int | None = Field(None, ge=0, le=7)
    regex: Pattern | None = None


class LogItem(_Arguments):
    """`id` is a regular expression over modules' names."""

    id: Annotated[Text, AfterValidator(_pattern)]
    filter: Annotated[LogFilter, BeforeValidator(lambda value: value or {})] = LogFilter()


class Versioned(_Arguments):
    """What every request but `ping` has."""

    schema_version: Text


class RestartRequest(Versioned):
    """`RestartModule`."""

    id: Text


class LogsRequest(Versioned):
    """`GetModuleLogs`."""

    items: Annotated[list[LogItem], BeforeValidator(_in_list)]
    encoding: Annotated[Literal["none", "gzip"], BeforeValidator(_lower)] = "none"
    content_type: Annotated[Literal["text", "json"], BeforeValidator(_lower)] = "text"


class UploadLogsRequest(LogsRequest):
    """`UploadModuleLogs`. The URL is a secret."""

    sas_url: Text = Field(repr=False)


class TaskRequest(Versioned):
    """`GetTaskStatus`."""

    correlation_id: Text


class BundleRequest(Versioned):
    """`UploadSupportBundle`. The URL is a secret."""

    sas_url: Text = Field(repr=False)
    since: Moment | None = None
    until: Moment | None = None
    edge_runtime_only: bool = False


Request = TypeVar("Request", bound=Versioned)


def parse(kind: type[Request], payload: object) -> Request:
    """Raises BadArgumentError; MethodFailedError for another schema than 1.x, which edgeAgent answers so."""
    if payload is None:
        raise BadArgumentError("Request payload not found")
    try:
        request = kind.model_validate(_without_case(payload))
    except (ValidationError, RecursionError) as error:
        raise BadArgumentError(f"Error parsing command payload because of error - {_said(error)}") from None
    version = _VERSION.fullmatch(request.schema_version)
    if version is None:
        raise MethodFailedError(f"Invalid request schema version {request.schema_version}")
    if version[1] != "1":
        raise MethodFailedError(
            f"The request schema version {request.schema_version} is not compatible with the expected version 1.0"
        )
    return request


def _without_case(value: Any) -> Any:
    if isinstance(value, dict):
        # null means that a member is not there.
        return {name.lower(): _without_case(inner) for name, inner in value.items() if inner is not None}
    return [_without_case(inner) for inner in value] if isinstance(value, list) else value


def _said(error: ValidationError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "the payload is too deep"
    return "; ".join(
        f"{'.'.join(map(str, one['loc'])) or 'payload'}: {one['msg'].removeprefix('Value error, ')}"
        for one in error.errors(include_url=False, include_context=False, include_input=False)
    )
