"""Settings of edgeHub that have a meaning here, as its environment variables name them (spec D.7).

Names have no case; `__` or `:` separates a section from what is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self


@dataclass(frozen=True, slots=True)
class HubSettings:
    """Times in seconds."""

    max_connected_clients: int = 100
    message_ack_timeout_s: float = 30.0
    message_cleanup_interval_s: float = 1800.0
    reported_properties_sync_s: float = 5.0
    connect_timeout_s: float = 60.0

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """From `settings` of hub.json: edgeHub's names, numbers. Raises ValueError for a name that means nothing."""
        fields: dict[str, Any] = {}
        for name, value in document.items():
            setting = _SETTINGS.get(_key(name))
            if setting is None:
                raise ValueError(f"settings: {name} means nothing here")
            fields[setting.field] = setting.check(str(value))
        return cls(**fields)


DEFAULTS = HubSettings()


class _Setting(NamedTuple):
    name: str
    field: str
    check: Callable[[str], int]


def read(variables: Mapping[str, str]) -> tuple[dict[str, int], list[str]]:
    """What `env` of edgeHub sets: for hub.json, and a warning for each that sets nothing, with the reason."""
    settings: dict[str, int] = {}
    warnings: list[str] = []
    for name, text in variables.items():
        setting = _SETTINGS.get(_key(name))
        if setting is None:
            warnings.append(f"edgeHub's env {name} has no effect on this hub; it knows {', '.join(names())}")
            continue
        try:
            settings[setting.name] = setting.check(text)
        except ValueError as error:
            default = getattr(DEFAULTS, setting.field)
            warnings.append(f"edgeHub's env {name}: {error}; it stays {default:g}")
    return settings, warnings


def names() -> list[str]:
    """Of all settings, as edgeHub writes them."""
    return [setting.name for setting in _SETTINGS.values()]


def _key(name: str) -> str:
    return name.replace("__", ":").casefold()


def _whole(least: int, most: int) -> Callable[[str], int]:
    def check(text: str) -> int:
        digits = text.strip()
        number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else -1
        if not least <= number <= most:
            raise ValueError(f"{text!r} is no whole number from {least} to {most}")
        return number

    return check


def _time_span(least_s: int, most_s: int) -> Callable[[str], int]:
    """`hh:mm:ss`, as .NET writes it, or seconds alone, as hub.json has them."""

    def check(text: str) -> int:
        parts = text.strip().split(":")
        number = -1
        if len(parts) in (1, 3) and all(p.isascii() and p.isdigit() and len(p) < 7 for p in parts):
            hours, minutes, seconds = ([0, 0] + [int(part) for part in parts])[-3:]
            number = hours * 3600 + minutes * 60 + seconds
        if not least_s <= number <= most_s:
            raise ValueError(f"{text!r} is no time from 00:00:{least_s:02} to {most_s} s, such as 00:01:00")
        return number

    return check


_SETTINGS = {
    _key(setting.name): setting
    for setting in (
        _Setting("MaxConnectedClients", "max_connected_clients", _whole(1, 10_000)),
        _Setting("MessageAckTimeoutSecs", "message_ack_timeout_s", _whole(1, 3600)),
        _Setting("MessageCleanupIntervalSecs", "message_cleanup_interval_s", _whole(1, 7 * 24 * 3600)),
        _Setting("ReportedPropertiesSyncFrequencySecs", "reported_properties_sync_s", _whole(1, 3600)),
        _Setting("mqttSettings__ConnectArrivalTimeout", "connect_timeout_s", _time_span(1, 3600)),
    )
}
