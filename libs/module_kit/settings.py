"""One settings type for environment and twin."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class SettingsRefused(ValueError):
    """Raised by an `on_settings` callback: these settings cannot be applied (the message says why)."""


class ModuleSettings(BaseModel):
    """Base of a module's settings: field `maximum_side` is twin `maximumSide` and environment `MAXIMUM_SIDE`.

    Give every field a default, a range and a description with its unit. Lists come from the environment as
    JSON or separated by commas. An empty variable counts as not set.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, allow_inf_nan=False
    )
