"""How far a device has come with its deployment, judged by its twins alone. Pure.

Per module: does the agent report the desired image, has a changed module been started anew, does it run, is it
connected to edgeHub again, and has it acknowledged its settings (IoT Plug and Play: `ac` 200, or 400 for refused).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeGuard
from urllib.parse import unquote

from edge_runtime.manifest.source import with_tag
from release.deploy.content import AGENT, HUB, comparable, modules_of, system_modules_of
from release.deploy.twins import ModuleTwin, Snapshot

ACKNOWLEDGED, REFUSED = 200, 400
_UNWELL = ("backoff", "failed", "unhealthy", "dead")
_NEVER = "0001-01-01T00:00:00"
_UNREADABLE = {400, 412, 417}
"""`lastDesiredStatus` of a deployment that the agent will never run (spec D.3)."""


class Health(IntEnum):
    """The worse the higher. TROUBLE may pass: an image that cannot be pulled yet, a module that crashed once."""

    GOOD = 0
    WAITING = 1
    TROUBLE = 2
    FAILED = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one module, or of the agent or edgeHub by their twin's names."""

    name: str
    health: Health
    text: str


@dataclass(frozen=True, slots=True)
class DeviceVerdict:
    """Of all of them. `as_before`: modules that were as unwell before and that this deployment leaves as they are."""

    verdicts: tuple[Verdict, ...]
    as_before: tuple[Verdict, ...] = ()

    @property
    def health(self) -> Health:
        """Of the worst."""
        return max((verdict.health for verdict in self.verdicts), default=Health.GOOD)

    def unwell(self) -> list[Verdict]:
        """Those that are not good, the worst first."""
        bad = [verdict for verdict in self.verdicts if verdict.health is not Health.GOOD]
        return sorted(bad, key=lambda verdict: -verdict.health)


def judge(device: str, now: Snapshot, before: Snapshot | None = None) -> DeviceVerdict:
    """`before` is what the twins said before the deployment; without it a restart cannot be told from none."""
    agent = _agent(now[AGENT])
    verdicts, as_before = [agent, *_hub(now, before)], []
    earlier = {v.name: v for v in judge(device, before).verdicts} if before is not None else {}
    for name in modules_of({AGENT: now[AGENT].desired}):
        changed = before is None or _changed(name, now, before)
        verdict = _module(device, name, now, before, changed=changed)
        unwell_before = name in earlier and earlier[name].health >= Health.TROUBLE
        if not changed and unwell_before and verdict.health >= Health.TROUBLE:
            as_before.append(verdict)
        else:
            verdicts.append(verdict)
    if agent.health is Health.TROUBLE and as_before and not _others_in(agent.text, now, as_before):
        verdicts[0] = Verdict(agent.name, Health.GOOD, agent.text)
    return DeviceVerdict(tuple(verdicts), tuple(as_before))


def _agent(twin: ModuleTwin) -> Verdict:
    status = twin.reported.get("lastDesiredStatus")
    code = status.get("code") if isinstance(status, dict) else None
    description = str(status.get("description") or "") if isinstance(status, dict) else ""
    seen = twin.reported.get("lastDesiredVersion") or 0
    if seen < twin.version:
        return Verdict(
            AGENT, Health.WAITING, f"has seen version {seen} of the deployment, not {twin.version}"
        )
    if code in _UNREADABLE:
        return Verdict(AGENT, Health.FAILED, f"refuses the deployment ({code}): {description}")
    if code != ACKNOWLEDGED:
        return Verdict(AGENT, Health.TROUBLE, f"reports {code}: {description}")
    return _image(AGENT, "edgeAgent", twin) or Verdict(AGENT, Health.GOOD, f"runs version {seen}")


def _hub(now: Snapshot, before: Snapshot | None) -> Iterator[Verdict]:
    twin = now.get(HUB)
    if twin is None:
        yield Verdict(HUB, Health.WAITING, "has no twin yet")
        return
    status = twin.reported.get("lastDesiredStatus")
    seen = twin.reported.get("lastDesiredVersion")
    told_before = before is None or HUB not in before or "lastDesiredVersion" in before[HUB].reported
    if seen is not None and seen >= twin.version:
        code = status.get("code") if isinstance(status, dict) else ACKNOWLEDGED
        if code != ACKNOWLEDGED:
            description = status.get("description") if isinstance(status, dict) else ""
            yield Verdict(HUB, Health.FAILED, f"refuses its routes or settings ({code}): {description}")
            return
    elif told_before and twin.desired:
        yield Verdict(HUB, Health.WAITING, f"has seen version {seen or 0} of its routes, not {twin.version}")
        return
    yield _image(HUB, "edgeHub", now[AGENT]) or Verdict(HUB, Health.GOOD, "running")


def _image(name: str, module: str, agent: ModuleTwin) -> Verdict | None:
    """None when the system module runs as desired."""
    desired = system_modules_of({AGENT: agent.desired}).get(module) or {}
    reported = (agent.reported.get("systemModules") or {}).get(module) or {}
    image, runs = _image_of(desired), _image_of(reported)
    if image and runs != image:
        return Verdict(name, Health.WAITING, f"still runs {runs or 'nothing'}, not {image}")
    if reported.get("runtimeStatus") not in (None, "running"):
        return Verdict(name, Health.TROUBLE, _said(reported))
    return None


def _module(device: str, name: str, now: Snapshot, before: Snapshot | None, *, changed: bool) -> Verdict:
    desired = modules_of({AGENT: now[AGENT].desired})[name]
    reported = _reported(now, name)
    earlier = _reported(before, name) if before is not None else {}
    if not reported:
        return Verdict(name, Health.WAITING, "is not there yet")
    if _image_of(reported) != _image_of(desired):
        return Verdict(name, Health.WAITING, f"still runs {_image_of(reported) or 'nothing'}")
    if changed and desired.get("status") != "stopped" and _stale(reported, earlier):
        return Verdict(name, Health.WAITING, f"has not been replaced yet ({_said(reported)})")
    if reported.get("runtimeStatus") != "running" or desired.get("status") == "stopped":
        restarts = 0 if changed else int(earlier.get("restartCount") or 0)
        return Verdict(name, _of_status(desired, reported, restarts), _said(reported))
    if changed and earlier and _started(reported) == _started(earlier):
        return Verdict(name, Health.WAITING, "runs, and has not been replaced yet")
    return _settings(device, name, now, before, restarted=changed)


def _of_status(desired: Mapping[str, Any], reported: Mapping[str, Any], restarts: int) -> Health:
    """Of a module that does not run, or shall not. `restarts` are those before the deployment."""
    status = reported.get("runtimeStatus")
    if desired.get("status") == "stopped":
        return Health.GOOD if status in ("stopped", "failed", "dead") else Health.WAITING
    if status in _UNWELL:
        again = int(reported.get("restartCount") or 0) > restarts
        return Health.FAILED if again else Health.TROUBLE
    # A module that has done its work, and that its policy does not start again.
    done = status == "stopped" and reported.get("exitCode") == 0 and desired.get("restartPolicy") != "always"
    return Health.GOOD if done and reported.get("lastExitTimeUtc") != _NEVER else Health.WAITING


def _settings(device: str, name: str, now: Snapshot, before: Snapshot | None, *, restarted: bool) -> Verdict:
    """Of a module that runs."""
    twin = now.get(name)
    for setting, verdict in _acknowledgements(twin, (before or {}).get(name)) if twin else ():
        if verdict.health is not Health.FAILED or not restarted:
            return Verdict(name, verdict.health, f"{setting}: {verdict.text}")
        # The version that is being replaced may have refused what the new one takes.
        return Verdict(name, Health.TROUBLE, f"{setting}: {verdict.text}")
    was = _client(now if before is None else before, device, name)
    once_connected = was is not None if before is None else was == "Connected"
    if once_connected and _client(now, device, name) != "Connected":
        return Verdict(name, Health.WAITING, "runs, and is not connected to edgeHub as it was before")
    return Verdict(name, Health.GOOD, "running")


def _acknowledgements(now: ModuleTwin, before: ModuleTwin | None) -> Iterator[tuple[str, Verdict]]:
    """What is not acknowledged of the desired properties; refusals first.

    Only a module that acknowledges at all is waited for.
    """
    acknowledges = any(_is_acknowledgement(value) for value in now.reported.values())
    waiting = []
    for name, value in now.desired.items():
        changed = before is None or before.desired.get(name) != value
        reported = now.reported.get(name)
        since = before.version + 1 if before is not None and changed and before.desired != now.desired else 0
        if _is_acknowledgement(reported) and reported["av"] >= since:
            if reported["ac"] >= REFUSED and changed:
                yield name, Verdict(name, Health.FAILED, f"refused: {reported.get('ad') or reported['ac']}")
        elif changed and acknowledges:
            waiting.append(name)
    for name in waiting:
        yield name, Verdict(name, Health.WAITING, "not acknowledged yet")


def _is_acknowledgement(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict) and isinstance(value.get("ac"), int) and isinstance(value.get("av"), int)


def _changed(name: str, now: Snapshot, before: Snapshot) -> bool:
    """Whether the agent must start it anew: all but `status` counts (spec D.2)."""

    def definition(snapshot: Snapshot) -> dict[str, Any] | None:
        entry = modules_of(comparable({AGENT: snapshot[AGENT].desired})).get(name)
        return {k: v for k, v in entry.items() if k != "status"} if isinstance(entry, dict) else None

    return definition(now) != definition(before)


def _client(snapshot: Snapshot, device: str, module: str) -> str | None:
    """`Connected` or `Disconnected`; None for a module that has never been edgeHub's client."""
    hub = snapshot.get(HUB)
    clients = hub.reported.get("clients") if hub is not None else None
    for name, client in clients.items() if isinstance(clients, dict) else ():
        if unquote(name) == f"{device}/{module}" and isinstance(client, dict):
            return str(client.get("status"))
    return None


def _others_in(text: str, now: Snapshot, as_before: list[Verdict]) -> bool:
    """Whether the agent's complaint names a module beside those that were unwell before."""
    known = {verdict.name for verdict in as_before}
    named = [name for name in modules_of({AGENT: now[AGENT].desired}) if f"{name}: " in text]
    return not named or any(name not in known for name in named)


def _reported(snapshot: Snapshot, name: str) -> dict[str, Any]:
    reported = (snapshot[AGENT].reported.get("modules") or {}).get(name)
    return reported if isinstance(reported, dict) else {}


def _image_of(entry: Mapping[str, Any]) -> str:
    """With the tag that the agent adds."""
    image = (entry.get("settings") or {}).get("image")
    return with_tag(image) if isinstance(image, str) and image else ""


def _stale(reported: Mapping[str, Any], earlier: Mapping[str, Any]) -> bool:
    """Whether it failed before and nothing happened since: the agent names an image before it replaces what failed."""
    told = ("runtimeStatus", "statusDescription", "restartCount", "lastStartTimeUtc", "lastExitTimeUtc")
    return reported.get("runtimeStatus") in _UNWELL and all(reported.get(k) == earlier.get(k) for k in told)


def _started(reported: Mapping[str, Any]) -> str:
    return str(reported.get("lastStartTimeUtc"))


def _said(reported: Mapping[str, Any]) -> str:
    status, description = str(reported.get("runtimeStatus")), str(reported.get("statusDescription") or "")
    return status if description in ("", status) else f"{status}: {description}"
