"""An automatic deployment, or a layer, for all devices that a target condition means (spec E.8).

A configuration's content cannot change, so each deployment is a new one, with a name of its own. The one before stays
until the new one is seen well on every device: deleting the new one brings it back. Then it is parked, with an empty
target condition, for `--restore`. One that was interrupted before it was seen well is never gone back to.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from release.deploy.automatic import Automatic
from release.deploy.content import (
    AGENT,
    Sections,
    as_content,
    deployed,
    fingerprint,
    is_layer,
    lay,
    modules_of,
)
from release.deploy.difference import Difference, compare
from release.deploy.follow import Ending, Followed, Verdicts
from release.deploy.last_good import is_record
from release.deploy.outcome import Exit, HubError, UsageError
from release.deploy.session import Session, code_of
from release.deploy.twins import Snapshot, as_connected_in, sections_of
from release.deploy.verdict import DeviceVerdict, Health, Verdict, judge

if TYPE_CHECKING:
    from release.deploy.iot_hub import IotHub

_KIND = "deployment"
_PARKED = "parked-condition"
_STATE, _PENDING, _SEEN_GOOD = "state", "pending", "good"


class Fleet:
    """Deploys, follows and restores the automatic deployment of one name."""

    def __init__(self, session: Session, hub: IotHub, condition: str, priority: int) -> None:
        self._session = session
        self._hub = hub
        self._label = session.options.name
        self._condition = condition
        self._priority = priority
        self._asked: tuple[tuple[str, str], float, set[str], list[str]] | None = None
        session.result |= {"name": self._label, "targetCondition": condition, "priority": priority}

    def deploy(self, content: Mapping[str, Mapping[str, Any]]) -> Exit:
        """Create it, follow the devices, and park the one before; or delete it again."""
        known = self._hub.automatic()
        previous, back = self._in_force(known), self._last_good(known)
        devices = self._hub.targeted(self._condition)
        if not devices:
            raise HubError(
                f"{self._hub.host} has no edge device with {self._condition}: a misspelt condition would deploy to "
                "nobody; tag one first (az iot hub device-twin update --tags)"
            )
        before = self._hub.snapshots(devices, content)
        if is_layer(content):
            self._require_base(known, devices)
        else:
            self._require_rank(known, devices)
        where = f"{len(devices)} device{'s' * (len(devices) != 1)} ({self._condition})"
        difference = self._difference(content, previous, before, known)
        moved = previous is not None and (previous.condition, previous.priority) != (
            self._condition,
            self._priority,
        )
        if previous is not None and not difference and not moved:
            return self._unchanged(previous)
        if previous is not None and moved:
            was = f"target condition and priority: {previous.condition!r}, {previous.priority}"
            self._session.view.say(f"{was} -> {self._condition!r}, {self._priority}", "yellow")
        if (planned := self._session.planned(difference, where)) is not None:
            return planned
        self._session.confirm(where, difference.removed)
        self._require_still(previous)
        new = Automatic(_name(self._label), content, self._condition, self._priority, self._labels())
        self._session.result["configuration"] = new.name
        self._hub.create(new)
        self._standing(new.name)
        followed = self._follow(f"Deploying {new.name} to {where}", new.name, before)
        if followed.ending is not Ending.GOOD:
            return self._go_back(followed, new, back, before)
        self._park(new)
        if is_layer(content) and previous is not None:
            # What the layer before added and this one does not goes only now.
            followed = self._follow(f"Watching {where}", new.name, before)
            if followed.ending is not Ending.GOOD:
                return self._go_back(followed, new, back, before)
        return self._session.end(
            Exit.DONE,
            "deployed",
            f"deployed: {where} run{'s' * (len(devices) == 1)} {new.name}, and all is well",
        )

    def follow(self) -> Exit:
        """Go on with the newest deployment of this name; the one before comes back when it fails."""
        known = self._hub.automatic()
        new = self._in_force(known)
        if new is None:
            raise UsageError(f"there is no automatic deployment {self._label} (--name)")
        previous = self._last_good([one for one in known if one.name != new.name])
        self._condition = new.condition
        self._standing(new.name)
        followed = self._follow(f"Following {new.name}", new.name, {})
        if followed.ending is Ending.GOOD:
            self._park(new)
            return self._session.end(Exit.DONE, "deployed", f"deployed: all devices of {new.name} are well")
        if previous is None:
            return self._session.unrestored(
                f"{new.name} replaced no other one, so nothing was changed", followed
            )
        return self._go_back(followed, new, previous, {})

    def restore(self) -> Exit:
        """Bring back the one before, in place of the one in force."""
        known = self._hub.automatic()
        current = self._in_force(known)
        # One that still applies below it was left by a deployment that was interrupted; else there is a parked one.
        earlier = max((one for one in self._ours(known) if one is not current), key=_worth, default=None)
        if earlier is None or current is None:
            raise UsageError(f"no earlier automatic deployment {self._label} (--name) is known")
        difference = compare(_laid(current), _laid(earlier))
        where = earlier.labels.get(_PARKED) or earlier.condition
        if (planned := self._session.planned(difference, where)) is not None:
            return planned
        self._session.confirm(where, difference.removed)
        self._condition = where
        self._require_still(current)
        before = self._hub.snapshots(self._hub.targeted(where))
        followed = self._bring_back(current, earlier, before)
        if followed.ending is Ending.GOOD:
            return self._session.end(
                Exit.DONE, "restored", f"restored: all devices of {earlier.name} are well"
            )
        return self._session.unrestored(
            f"{earlier.name} applies again, and not all is well with it", followed
        )

    def _ours(self, known: list[Automatic]) -> list[Automatic]:
        return [one for one in known if one.labels.get(_KIND) == self._label]

    def _in_force(self, known: list[Automatic]) -> Automatic | None:
        applying = (one for one in self._ours(known) if one.condition)
        return max(applying, key=lambda one: one.rank, default=None)

    def _last_good(self, known: list[Automatic]) -> Automatic | None:
        """What a failure goes back to: of those that apply, one that was seen well before one that was not."""
        return max((one for one in self._ours(known) if one.condition), key=_worth, default=None)

    def _labels(self) -> dict[str, str]:
        return {_KIND: self._label, "environment": self._session.options.env, _STATE: _PENDING}

    def _require_still(self, shown: Automatic | None) -> None:
        """What the difference was shown against is in force: a question may be answered late."""
        now = self._in_force(self._hub.automatic())
        if (now and now.name) != (shown and shown.name):
            told = f"{now.name} is in force" if now else "none is in force"
            raise HubError(
                f"somebody else has deployed {self._label} since the difference was shown, {told} now: deploy again to "
                "see what would change"
            )

    def _require_rank(self, known: list[Automatic], devices: list[str]) -> None:
        """Below another base deployment it would be waited for in vain."""
        above = [one for one in known if not one.is_layer and one.priority > self._priority]
        for one in above:
            if also := sorted({*devices} & {*self._hub.targeted(one.condition)}):
                raise HubError(
                    f"{one.name} has the priority {one.priority} and is for {also[0]} too: a deployment of the "
                    f"priority {self._priority} is not applied (--priority)"
                )

    def _require_base(self, known: list[Automatic], devices: list[str]) -> None:
        """A layer applies only above a base deployment (spec E.8)."""
        bases = [one for one in known if not one.is_layer and not is_record(one) and one.condition]
        for device in devices:
            own = [one for one in bases if device in self._hub.targeted(one.condition)]
            if not own:
                raise HubError(
                    f"{device} has no automatic deployment that this layer could be put on; deploy one with "
                    "--target-condition first, or put the layer on what the device has: --device with --layered"
                )
            base = max(own, key=lambda one: one.rank)
            if base.priority >= self._priority:
                raise HubError(
                    f"{device}: the layer's priority {self._priority} must be above the {base.priority} of "
                    f"{base.name}, or it is not applied (--priority)"
                )

    def _difference(
        self,
        content: Mapping[str, Mapping[str, Any]],
        previous: Automatic | None,
        before: Mapping[str, Snapshot],
        known: list[Automatic],
    ) -> Difference:
        """Against the deployment before, without one against a device; modules that end are looked for everywhere."""
        after = lay(content, {})
        if previous is not None:
            difference = compare(_laid(previous), after)
        elif before:
            name, snapshot = next(iter(before.items()))
            self._session.view.say(f"no deployment {self._label} yet: compared with what {name} has")
            now = deployed(sections_of(snapshot))
            difference = compare(now, lay(content, now) if is_layer(content) else after)
        else:
            difference = compare({}, after)
        if is_layer(content):
            return Difference(difference.changes, difference.removed if previous is not None else ())
        layers = {name for one in known if one.is_layer and one.condition for name in modules_of(_laid(one))}
        present = {
            name for snapshot in before.values() for name in modules_of({AGENT: snapshot[AGENT].desired})
        }
        ending = {*difference.removed, *(present - modules_of(after).keys())} - layers
        return Difference(difference.changes, tuple(sorted(ending)))

    def _unchanged(self, previous: Automatic) -> Exit:
        self._session.result |= {"changes": [], "removed": []}
        name = previous.name
        if not self._session.options.dry_run:
            verdicts = self._look(name, {}, {})
            unwell = [device for device, verdict in verdicts.items() if verdict.health is not Health.GOOD]
            if unwell:
                followed = self._follow(f"Following {name}", name, {})
                if followed.ending is not Ending.GOOD:
                    return self._session.unrestored(
                        f"{name} is in force already, and not all is well with it", followed
                    )
            if previous.labels.get(_STATE) == _PENDING:
                self._park(previous)
        return self._session.end(Exit.DONE, "unchanged", f"nothing to do: {name} is this deployment already")

    def _follow(
        self,
        title: str,
        name: str,
        before: Mapping[str, Snapshot],
        left: Mapping[str, str] | None = None,
    ) -> Followed:
        return self._session.follow(title, lambda: self._look(name, before, left or {}))

    def _look(self, name: str, before: Mapping[str, Snapshot], left: Mapping[str, str]) -> Verdicts:
        applied, targeted = self._queried(name)
        waiting = _waiting(f"IoT Hub has not applied {name} yet")
        judged = self._judged([device for device in targeted if device in applied], before, left)
        return {device: judged.get(device, waiting) for device in targeted}

    def _queried(self, name: str) -> tuple[set[str], list[str]]:
        """The devices that have it, and those that it is for; IoT Hub allows fewer queries than looks at twins."""
        key, now = (name, self._condition), time.monotonic()
        if self._asked is None or self._asked[0] != key or now >= self._asked[1]:
            found = set(self._hub.applied(name)), self._hub.targeted(self._condition)
            self._asked = (key, now + self._hub.query_pause_s, *found)
        return self._asked[2:]

    def _judged(
        self, devices: Iterable[str], before: Mapping[str, Snapshot], left: Mapping[str, str]
    ) -> Verdicts:
        """`left`: fingerprints of what devices have as long as IoT Hub has not noticed that it was taken away."""
        found = self._hub.snapshots(devices)
        still = {device for device, one in _fingerprints(found).items() if one == left.get(device)}
        waiting = _waiting("IoT Hub has not taken the new deployment away yet")
        return {
            device: waiting if device in still else judge(device, snapshot, before.get(device))
            for device, snapshot in found.items()
        }

    def _go_back(
        self, followed: Followed, new: Automatic, previous: Automatic | None, before: Mapping[str, Snapshot]
    ) -> Exit:
        message = self._session.failed(followed)
        self._session.result["failure"] = message
        self._session.view.say("going back to the last good deployment", "bold")
        try:
            if self._is_replaced(new):
                return self._session.unrestored(
                    f"somebody else has taken away or replaced {new.name} meanwhile: it was left at that"
                )
            failing = {
                device: as_connected_in(snapshot, before.get(device, {}))
                for device, snapshot in self._hub.snapshots(followed.verdicts).items()
            }
            if previous is not None:
                again = self._bring_back(new, previous, failing)
                told = f"{previous.name} applies again"
            else:
                again = self._without(new, before, failing)
                told = f"{new.name} was deleted, each device has what it had before"
        except HubError as error:
            return self._session.unrestored(
                f"the way back was not gone to its end: {error}; {self._session.standing}"
            )
        if again.ending is not Ending.GOOD:
            return self._session.unrestored(f"{told}, and not all is well with it", again)
        return self._session.end(code_of(followed.ending), "restored", f"{told}, and all is well with it")

    def _is_replaced(self, new: Automatic) -> bool:
        """By a deployment of the same name that is no work of this call."""
        ours = [one for one in self._ours(self._hub.automatic()) if one.condition]
        mine = next((one for one in ours if one.name == new.name), None)
        return mine is None or any(one.created > mine.created for one in ours)

    def _bring_back(self, new: Automatic, earlier: Automatic, failing: Mapping[str, Snapshot]) -> Followed:
        """In place of `new`, and of what was interrupted between the two."""
        ours = self._ours(self._hub.automatic())
        # It may have been parked since it was read.
        stands = next((one for one in ours if one.name == earlier.name), earlier)
        self._condition = stands.condition or stands.labels[_PARKED]
        if not stands.condition:
            labels = {name: value for name, value in stands.labels.items() if name != _PARKED}
            self._hub.update(replace(stands, condition=self._condition, labels=labels))
        for name in {new.name, *(one.name for one in ours if one.condition)} - {earlier.name}:
            self._hub.delete(name)
        self._session.standing = f"{earlier.name} applies again, and was not seen well yet"
        # Layers apply side by side, so that the earlier one is applied all the time.
        left = _fingerprints(failing) if new.is_layer and compare(_laid(new), _laid(earlier)) else {}
        return self._follow(f"Restoring {earlier.name}", earlier.name, failing, left)

    def _without(
        self, new: Automatic, before: Mapping[str, Snapshot], failing: Mapping[str, Snapshot]
    ) -> Followed:
        """There was no deployment of this name: a device has its base again, or what it had alone."""
        self._hub.delete(new.name)
        if not new.is_layer:
            for device, snapshot in before.items():
                self._hub.apply(device, as_content(deployed(sections_of(snapshot))))
        self._session.standing = f"{new.name} was deleted, and the devices were not seen well yet"
        changed = {
            d: s
            for d, s in failing.items()
            if d in before and compare(sections_of(before[d]), sections_of(s))
        }
        left = _fingerprints(changed)
        return self._session.follow(
            "Restoring each device",
            lambda: self._judged(before, failing, left),
        )

    def _park(self, new: Automatic) -> None:
        """It was seen well. The one before stays for `--restore` and applies to nothing; all others go."""
        self._hub.update(replace(new, labels={**new.labels, _STATE: _SEEN_GOOD}, etag=None))
        others = sorted(
            (one for one in self._ours(self._hub.automatic()) if one.name != new.name), key=_worth
        )
        for older in others[:-1]:
            self._hub.delete(older.name)
        for last in others[-1:]:
            if last.condition:
                self._hub.update(replace(last, condition="", labels={**last.labels, _PARKED: last.condition}))

    def _standing(self, name: str) -> None:
        env = self._session.options.env
        again = f"scripts/deploy --env {env} --target-condition ... --name {self._label}"
        self._session.standing = (
            f"{name} applies to its devices, which were not all seen well with it; {again} --follow goes on, "
            f"{again} --restore goes back to the one before"
        )


def _worth(one: Automatic) -> tuple[bool, bool, tuple[int, str]]:
    """The higher, the rather it is gone back to."""
    return one.labels.get(_STATE) != _PENDING, bool(one.condition), one.rank


def _laid(one: Automatic) -> Sections:
    return lay(one.content, {})


def _fingerprints(snapshots: Mapping[str, Snapshot]) -> dict[str, str]:
    return {device: fingerprint(deployed(sections_of(one))) for device, one in snapshots.items()}


def _waiting(text: str) -> DeviceVerdict:
    return DeviceVerdict((Verdict(AGENT, Health.WAITING, text),))


def _name(label: str) -> str:
    stamp = datetime.now(UTC).strftime("%Y%m%d%H%M%S")
    return f"{label.lower()}-{stamp}-{secrets.token_hex(2)}"
