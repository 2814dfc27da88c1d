"""The last good deployment of a device, kept where the device's twins are: in its IoT Hub.

It is a configuration whose target condition is empty, so that it applies to nothing. So a deployment that was
interrupted, even by SIGKILL, can be undone from any machine, and no credentials of the manifest lie in a file.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from release.deploy.automatic import Automatic
from release.deploy.content import Sections, as_content, fingerprint, lay, system_modules_of

if TYPE_CHECKING:
    from release.deploy.iot_hub import IotHub

_KIND = "last-good"
_PENDING, _SEEN_GOOD = "pending", "good"
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


@dataclass(frozen=True, slots=True)
class LastGood:
    """What to go back to. `pending`: what replaced it (`replaced_by`, a fingerprint) was never seen good."""

    name: str
    sections: Sections = field(repr=False)
    pending: bool
    replaced_by: str
    created: str

    def is_of(self, now: Sections) -> bool:
        """Whether `now` is what replaced it, and nobody has seen that good."""
        return self.pending and self.replaced_by == fingerprint(now)


class LastGoodStore:
    """One record a device; for as long as a deployment is under way there may be an older one beside it."""

    def __init__(self, hub: IotHub) -> None:
        self._hub = hub

    def find(self, device: str) -> LastGood | None:
        """The newest."""
        found = [_record(one) for one in self._of(device)]
        return max(found, key=lambda record: record.created, default=None)

    def keep(
        self, device: str, now: Sections, replaced_by: Mapping[str, Mapping[str, Any]]
    ) -> LastGood | None:
        """Remember what a deployment is about to replace; None where nothing was deployed yet.

        What an earlier deployment left behind without having been seen good is not remembered: the record of what was
        before it stays.
        """
        earlier = self.find(device)
        if earlier is not None and earlier.is_of(now):
            kept = earlier.sections
        elif system_modules_of(now):
            kept = now
        else:
            return None
        labels = {"kind": _KIND, "device": device, "state": _PENDING, "replaced-by": fingerprint(replaced_by)}
        name = _name(device)
        self._hub.create(Automatic(name, as_content(kept), condition="", priority=0, labels=labels))
        return LastGood(name, kept, pending=True, replaced_by=labels["replaced-by"], created=_now())

    def seen_good(self, device: str) -> None:
        """What replaced it, or what came back, was seen good: older records go."""
        records = sorted(self._of(device), key=lambda one: one.created)
        for older in records[:-1]:
            self._hub.delete(older.name)
        for newest in records[-1:]:
            if newest.labels.get("state") != _SEEN_GOOD:
                self._hub.update(replace(newest, labels={**newest.labels, "state": _SEEN_GOOD}))

    def forget(self, record: LastGood) -> None:
        """The deployment that it was made for was refused."""
        self._hub.delete(record.name)

    def _of(self, device: str) -> list[Automatic]:
        return [
            one
            for one in self._hub.automatic()
            if one.labels.get("kind") == _KIND and one.labels.get("device") == device
        ]


def is_record(automatic: Automatic) -> bool:
    """Whether a configuration is such a record, and no deployment."""
    return automatic.labels.get("kind") == _KIND


def _record(one: Automatic) -> LastGood:
    return LastGood(
        name=one.name,
        sections=lay(one.content, {}),
        pending=one.labels.get("state") == _PENDING,
        replaced_by=one.labels.get("replaced-by", ""),
        created=one.created,
    )


def _name(device: str) -> str:
    """Configurations are named with few characters (spec E.8), devices with many."""
    plain = "".join(char if char in _PLAIN else f"%{ord(char):02x}" for char in device)
    stamp = datetime.now(UTC).strftime("%Y%m%d%H%M%S")
    return f"last-good-{plain[:80]}-{stamp}-{secrets.token_hex(2)}"


def _now() -> str:
    return datetime.now(UTC).isoformat()
