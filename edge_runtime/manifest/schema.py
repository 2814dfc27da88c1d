"""What `$edgeAgent` and `$edgeHub` may desire (spec D.1, C.10, F.5), as models.

A field's description is the mend that a reader is given when the field is missing or wrong.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

_PIECE = re.compile(r"create[oO]ptions\d*")
MOST_STARTUP_ORDER = 4294967295


class _Strict(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, alias_generator=to_camel, validate_by_name=True
    )


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    raise PydanticCustomError("env_value", "the value is no text, number or true/false")


def _version(major_minor: str, newest: int) -> None:
    parts = major_minor.split(".")
    if not (all(p.isdecimal() for p in parts) and 2 <= len(parts) <= 3) or parts[0] != "1":
        raise PydanticCustomError("schema_version", "schemaVersion is not a version 1.x")
    if int(parts[1]) > newest:
        raise PydanticCustomError("schema_version", "schemaVersion is newer than the newest known")


def _agent_version(value: str) -> str:
    _version(value, 1)
    return value


def _hub_version(value: str) -> str:
    _version(value, 3)
    return value


ModuleName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_-]+$", max_length=128)]
EnvName = Annotated[str, StringConstraints(pattern=r"^[^\+#$\s\.]+$")]
KeyName = Annotated[str, StringConstraints(pattern=r"^[^\.\$# ]+$")]
Text = Annotated[str, StringConstraints(min_length=1)]


class EnvValue(_Strict):
    """One environment variable of a module."""

    value: Annotated[Any, AfterValidator(_scalar)] = Field(description="give a text, a number, true or false")


class Settings(_Strict):
    """What the agent gives to the container engine. createOptions pieces are read by `create_options`."""

    image: Text = Field(description='an image such as "${MODULES.camera}" or "registry/name:tag"')
    digest: str | None = Field(None, description="the image's digest as text")

    @model_validator(mode="before")
    @classmethod
    def _without_pieces(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if not _PIECE.fullmatch(name)}


class _Module(_Strict):
    type: Literal["docker"] = Field(description='write "docker"')
    settings: Settings = Field(description='write {"image": ..., "createOptions": {...}}')
    env: dict[EnvName, EnvValue] = Field(default={}, description='write {"NAME": {"value": ...}}')
    image_pull_policy: Literal["on-create", "never"] = Field(
        "on-create", description='write "on-create" or "never"'
    )


class EdgeAgentModule(_Module):
    """The agent itself: it has no status, restart policy or start order."""


class EdgeHubModule(_Module):
    """The hub's container."""

    status: Literal["running", "stopped"] = Field(description='write "running" or "stopped"')
    restart_policy: Literal["never", "on-failure", "on-unhealthy", "always"] = Field(
        description='write "always", "on-failure", "on-unhealthy" or "never"'
    )
    startup_order: int = Field(
        MOST_STARTUP_ORDER, ge=0, le=MOST_STARTUP_ORDER, description=f"give 0 to {MOST_STARTUP_ORDER}"
    )


class UserModule(EdgeHubModule):
    """A module of the solution."""

    version: str = Field("", description="any text, such as the version of the module's configuration")


class Credentials(_Strict):
    """A registry's. The agent refuses the whole deployment when one of them is blank."""

    username: str = Field(description='write "$CONTAINER_REGISTRY_USERNAME"')
    password: str = Field(description='write "$CONTAINER_REGISTRY_PASSWORD"')
    address: str = Field(description='write "$CONTAINER_REGISTRY_SERVER"')


class RuntimeSettings(_Strict):
    """Settings of the container engine."""

    min_docker_version: str = Field("", description='a text such as "v1.25"')
    logging_options: str = Field("", description="a text, which may be empty")
    registry_credentials: dict[KeyName, Credentials] = Field(
        default={}, description='write {"name": {"username": ..., "password": ..., "address": ...}}'
    )


class Runtime(_Strict):
    """Which container engine, and how."""

    type: Literal["docker"] = Field(description='write "docker"')
    settings: RuntimeSettings = Field(description='write {"minDockerVersion": "v1.25"}')


class SystemModules(_Strict):
    """The two modules that every device has."""

    edge_agent: EdgeAgentModule = Field(description="the agent's image and options")
    edge_hub: EdgeHubModule = Field(description="the hub's image and options")


class AgentDesired(_Strict):
    """`$edgeAgent`'s desired properties."""

    schema_version: Annotated[str, AfterValidator(_agent_version)] = Field(description='write "1.1"')
    runtime: Runtime = Field(description='write {"type": "docker", "settings": {...}}')
    system_modules: SystemModules = Field(description='write {"edgeAgent": {...}, "edgeHub": {...}}')
    modules: dict[ModuleName, UserModule] = Field(description="one member a module; {} for none")


class StoreLimits(_Strict):
    """Bounds of the hub's store."""

    max_size_bytes: int = Field(gt=0, description="give a number of bytes")


class StoreAndForward(_Strict):
    """How long a message waits for its receiver."""

    time_to_live_secs: int = Field(description="give seconds; a negative number means for ever")
    store_limits: StoreLimits | None = Field(None, description='write {"maxSizeBytes": N}')


class RouteObject(_Strict):
    """A route with options (schema 1.1 and newer)."""

    route: str = Field(description='write "FROM ... INTO ..."')
    priority: int | None = Field(None, ge=0, le=9, description="give 0 (most urgent) to 9, or leave it out")
    time_to_live_secs: int | None = Field(
        None, ge=0, le=4294967295, description="give seconds; 0 takes the hub's own timeToLiveSecs"
    )


class HubDesired(_Strict):
    """`$edgeHub`'s desired properties; each route is checked on its own."""

    schema_version: Annotated[str, AfterValidator(_hub_version)] = Field(description='write "1.2"')
    routes: dict[KeyName, Any] = Field(description='write {"name": "FROM ... INTO ..."}')
    store_and_forward_configuration: StoreAndForward | None = Field(
        None, description='write {"timeToLiveSecs": 7200}'
    )


NAME_RULES = {
    "modules": "use letters, digits, '_' and '-', at most 128",
    "env": "leave out blanks and + # $ .",
    "routes": "leave out blanks and . $ #",
    "registryCredentials": "leave out blanks and . $ #",
}


def field_at(model: type[BaseModel], loc: tuple[str | int, ...]) -> tuple[type[BaseModel], str]:
    """The model that a validation error's place lies in, and the mend of the field there ("" for none)."""
    mend, inside = "", model
    annotation: Any = model
    for step in loc:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            inside = annotation
            fields = (field for field in annotation.model_fields.values() if field.alias == step)
            field = next(fields, None)
            mend = str(field.description) if field and field.description else ""
            annotation = field.annotation if field else None
            models = (a for a in get_args(annotation) if isinstance(a, type) and issubclass(a, BaseModel))
            annotation = annotation if get_origin(annotation) is dict else next(models, annotation)
        elif get_origin(annotation) is dict:
            annotation = get_args(annotation)[1]
            mend = "" if annotation is Any else mend
        else:
            break
    return inside, mend
