"""What every module process takes from its environment besides its own settings."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from module_kit.metrics import default_address
from module_kit.settings import ModuleSettings, compose, from_environment


class ProcessSettings(ModuleSettings):
    """Environment only. `LOG_LEVEL` and `HEARTBEAT_FILE` are read where they act (`logs`, `healthcheck`)."""

    metrics_port: int = Field(
        default=9600, ge=0, le=65535, description="TCP port of the Prometheus metrics; 0 turns them off."
    )
    metrics_address: str = Field(
        default_factory=default_address,
        description="Address of the metrics: 0.0.0.0 in a container, else 127.0.0.1, unless given.",
    )


def process_settings(environment: Mapping[str, str]) -> ProcessSettings:
    """Raises `SettingsError` that names the variable."""
    return compose(ProcessSettings, from_environment(ProcessSettings, environment))
