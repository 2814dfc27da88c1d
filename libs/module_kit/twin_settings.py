"""Settings from the module twin: validated whole, applied or refused whole, acknowledged one by one.

The acknowledgement is IoT Plug and Play's: `{"value", "ac", "av", "ad"}` with the value in force, 200 or 400,
the desired version it answers, and where the value comes from or why it was refused.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from pydantic.alias_generators import to_camel

from module_kit.metrics import SETTINGS_REFUSED
from module_kit.redaction import redact_json
from module_kit.settings import ModuleSettings, Problem, SettingsError, SettingsRefused, compose

_log = logging.getLogger(__name__)

S = TypeVar("S", bound=ModuleSettings)
APPLIED, REFUSED = 200, 400
Acknowledgements = dict[str, Any]
_LARGEST_ECHO = 4096
"""All reported properties together have 32 KB (spec B.7); one long list must not cost the others theirs."""


class TwinSettings(Generic[S]):
    """The settings in force, twin over environment over default.

    Args:
        settings_type: the module's settings model.
        environment: the environment's layer (`settings.from_environment`).
        apply: called with (old, new) before new settings come into force; `SettingsRefused` keeps the old.
    """

    def __init__(
        self,
        settings_type: type[S],
        environment: Mapping[str, Any],
        apply: Callable[[S, S], None],
    ) -> None:
        self._type = settings_type
        self._environment = dict(environment)
        self._apply = apply
        self._twin: dict[str, Any] = {}
        self._refused: dict[str, Any] = {}
        self._names = [to_camel(name) for name in settings_type.model_fields]
        self.version = 0
        self.current = compose(settings_type, self._environment)

    def replace(self, desired: Mapping[str, Any]) -> Acknowledgements:
        """Take the whole desired section. Returns acknowledgements of all settings to report.

        When it is not valid: at start the environment and the defaults hold, later what held before.
        """
        self.version = int(desired.get("$version", 0))
        wanted = _settings_in(desired)
        gone = [name for name in self._refused if name not in wanted and name not in self._names]
        self._refused = {}
        problems = self._try(wanted)
        if problems is None:
            self._twin = wanted
        else:
            self._refused = {name: value for name, value in wanted.items() if self._differs(name, value)}
        acknowledged = self._acknowledge(
            [*self._names, *(name for name in wanted if name not in self._names)], problems
        )
        return acknowledged | dict.fromkeys(gone)

    def patch(self, patch: Mapping[str, Any]) -> Acknowledgements:
        """Take a desired-property patch (null removes). Returns acknowledgements of what it touched."""
        self.version = int(patch.get("$version", self.version))
        changes = {name: value for name, value in patch.items() if not name.startswith("$")}
        if not changes:
            return {}
        mended = _merged(_merged(self._twin, self._refused), changes)
        if self._refused and self._try(mended) is None:  # what was refused earlier applies with it
            touched, problems = [*changes, *self._refused], None
            self._twin, self._refused = mended, {}
        else:
            touched, problems = list(changes), self._try(_merged(self._twin, changes))
            self._refused = {name: value for name, value in self._refused.items() if name not in changes}
            if problems is None:
                self._twin = _merged(self._twin, changes)
            else:
                self._refused |= {name: value for name, value in changes.items() if value is not None}
        gone = [name for name in touched if name not in self._names and changes.get(name, "") is None]
        return self._acknowledge(touched, problems) | dict.fromkeys(gone)

    def candidates(self, desired: Mapping[str, Any], *, whole: bool) -> list[S]:
        """The settings that `replace` (`whole`) or `patch` would try, as far as they are valid and new.

        Applies nothing: for slow preparations that must be over before.
        """
        if whole:
            tried = [_settings_in(desired)]
        else:
            changes = {name: value for name, value in desired.items() if not name.startswith("$")}
            tried = [_merged(base, changes) for base in (_merged(self._twin, self._refused), self._twin)]
        found: list[S] = []
        for twin in tried:
            with contextlib.suppress(SettingsError):
                settings = compose(self._type, self._environment, twin)
                if settings != self.current and settings not in found:
                    found.append(settings)
        return found

    def _try(self, twin: Mapping[str, Any]) -> list[Problem] | None:
        """Apply `twin`, or say what is wrong with it."""
        try:
            settings = compose(self._type, self._environment, twin)
            if settings != self.current:
                self._apply(self.current, settings)
        except SettingsError as error:
            return error.problems
        except SettingsRefused as error:
            return [Problem("", str(error))]
        self.current = settings
        return None

    def _differs(self, name: str, value: Any) -> bool:
        return name not in self._names or self._twin.get(name) != value

    def _acknowledge(self, names: list[str], problems: list[Problem] | None) -> Acknowledgements:
        SETTINGS_REFUSED.set(len(self._refused))
        values = self.current.model_dump(mode="json", by_alias=True)
        by_name = {problem.name: problem.text for problem in problems or []}
        whole = "; ".join(by_name.values())
        if problems:
            _log.error("twin version %d refused, the settings in force stay: %s", self.version, whole)
        return {
            name: self._one(name, values, by_name, whole)
            for name in dict.fromkeys(names)
            if name in self._names or name in by_name or name in self._refused
        }

    def _one(self, name: str, values: Mapping[str, Any], by_name: Mapping[str, str], whole: str) -> Any:
        refused = name in self._refused
        text = by_name.get(name) or (
            f"refused with the rest of the patch: {whole}" if whole else "refused earlier"
        )
        acknowledgement = {
            "value": values.get(name),
            "ac": REFUSED if refused else APPLIED,
            "av": self.version,
            "ad": text[:1000] if refused else self._origin(name),
        }
        if len(json.dumps(acknowledgement["value"])) > _LARGEST_ECHO:
            acknowledgement |= {"value": None, "ad": f"{acknowledgement['ad']} (too large to be echoed)"}
        if acknowledgement["value"] is None:
            del acknowledgement["value"]
        return redact_json(acknowledgement)

    def _origin(self, name: str) -> str:
        if name in self._twin:
            return "twin"
        return "environment" if name in self._environment else "default"


def _settings_in(desired: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in desired.items() if not name.startswith("$") and value is not None}


def _merged(old: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """`patch` over `old` by the rules of twins: objects merge, null deletes, all else replaces (spec B.7)."""
    result = dict(old)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            before = result.get(name)
            result[name] = _merged(before if isinstance(before, Mapping) else {}, value)
        else:
            result[name] = value
    return result
