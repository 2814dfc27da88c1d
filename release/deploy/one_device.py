"""A deployment to one device, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from release.deploy.content import (
    AGENT,
    HUB,
    Sections,
    as_content,
    deployed,
    fingerprint,
    is_layer,
    lay,
    modules_of,
    only,
)
from release.deploy.difference import compare
from release.deploy.follow import Ending, Followed, Verdicts
from release.deploy.last_good import LastGood, LastGoodStore, is_record
from release.deploy.outcome import Exit, HubError, HubUnreachableError, UsageError
from release.deploy.session import UNCHANGED, Session, code_of
from release.deploy.twins import Snapshot, as_connected_in, sections_of
from release.deploy.verdict import Health, judge

if TYPE_CHECKING:
    from release.deploy.iot_hub import IotHub

_AGAIN = (
    "scripts/deploy --env {env} --device {device} --follow goes on, "
    "--restore goes back to the last good deployment"
)


class OneDevice:
    """Deploys, follows and restores."""

    def __init__(self, session: Session, hub: IotHub, device: str) -> None:
        self._session = session
        self._hub = hub
        self._device = device
        self._store = LastGoodStore(hub)
        self._expected: tuple[str, int] | None = None
        session.result["device"] = device

    def deploy(self, content: Mapping[str, Mapping[str, Any]]) -> Exit:
        """A whole deployment, or a layer that is put on what the device has."""
        self._require_no_automatic()
        before = self._hub.snapshot(self._device, content)
        now = sections_of(before)
        after = self._after(content, now)
        difference = compare(now, after)
        if not difference:
            return self._unchanged(before)
        if (planned := self._session.planned(difference, self._device)) is not None:
            return planned
        self._session.confirm(self._device, difference.removed)
        self._require_still(before)
        record = self._store.keep(self._device, deployed(now), deployed({**now, **after}))
        self._standing(
            "the new deployment may have been applied to {device}, which was not seen well with it"
        )
        try:
            self._apply(after, before)
        except HubUnreachableError:
            raise
        except HubError:
            self._session.standing = UNCHANGED
            if record is not None:
                self._store.forget(record)
            raise
        self._standing("{device} has the new deployment, and was not seen well with it yet")
        followed = self._follow(f"Deploying to {self._device}", before)
        if followed.ending is Ending.GOOD:
            return self._good(followed, "deployed")
        return self._go_back(followed, record, before)

    def follow(self) -> Exit:
        """Go on with a deployment that was interrupted; the way back is open as it was."""
        record = self._store.find(self._device)
        now = deployed(sections_of(self._hub.snapshot(self._device)))
        undecided = record if record is not None and record.is_of(now) else None
        self._standing("{device} has the new deployment, and was not seen well with it yet")
        followed = self._follow(f"Following {self._device}", None)
        if followed.ending is Ending.GOOD:
            return self._good(followed, "deployed")
        if undecided is None:
            return self._session.unrestored(
                f"{self._device}: no deployment of it is under way, so nothing was changed (--restore goes back)",
                followed,
            )
        return self._go_back(followed, undecided, {})

    def restore(self) -> Exit:
        """Go back to what the last deployment replaced."""
        record = self._store.find(self._device)
        if record is None:
            raise UsageError(
                f"{self._device}: no earlier deployment is known; scripts/deploy remembers each that it replaces"
            )
        before = self._hub.snapshot(self._device, record.sections)
        difference = compare(sections_of(before), record.sections)
        if not difference:
            return self._unchanged(before)
        if (planned := self._session.planned(difference, self._device)) is not None:
            return planned
        self._session.confirm(self._device, difference.removed)
        self._require_still(before)
        followed = self._apply_again(record, before)
        if followed.ending is Ending.GOOD:
            return self._good(followed, "restored")
        return self._session.unrestored(
            f"{self._device} has the last good deployment again, and is not well with it", followed
        )

    def _after(self, content: Mapping[str, Mapping[str, Any]], now: Sections) -> Sections:
        if not is_layer(content):
            return lay(content, {})
        if is_layer(as_content(now)):
            raise UsageError(f"{self._device} has no deployment yet that a layer could be put on")
        after = lay(content, now)
        return only(after, [AGENT, HUB, *(name for name in content if name in modules_of(after))])

    def _require_no_automatic(self) -> None:
        """An automatic deployment would take the place of this one within minutes (spec E.8)."""
        for one in self._hub.automatic():
            if one.is_layer or is_record(one) or not one.condition:
                continue
            if self._device in self._hub.targeted(one.condition):
                raise HubError(
                    f"the automatic deployment {one.name} is for {self._device} too and would undo this; deploy with "
                    f"--target-condition, or delete it (az iot edge deployment delete -d {one.name})"
                )

    def _unchanged(self, before: Snapshot) -> Exit:
        """The device has it already; whether it is well with it is another thing."""
        self._session.result |= {"changes": [], "removed": []}
        if self._session.options.dry_run or judge(self._device, before).health is Health.GOOD:
            return self._session.end(
                Exit.DONE, "unchanged", f"nothing to do: {self._device} has this deployment already"
            )
        self._session.view.say(f"{self._device} has this deployment already, and is not well with it")
        followed = self._follow(f"Following {self._device}", None)
        if followed.ending is Ending.GOOD:
            return self._good(followed, "unchanged")
        return self._session.unrestored(
            f"{self._device} is not well, and nothing was changed that could be undone", followed
        )

    def _good(self, followed: Followed, outcome: str) -> Exit:
        self._store.seen_good(self._device)
        count = len(followed.verdicts[self._device].verdicts)
        return self._session.end(
            Exit.DONE,
            outcome,
            f"{outcome}: {self._device} runs it, all {count} parts are well (after {followed.elapsed_s:.0f} s)",
        )

    def _go_back(self, followed: Followed, record: LastGood | None, before: Snapshot) -> Exit:
        message = self._session.failed(followed)
        if record is None:
            return self._session.unrestored(
                f"{self._device} had no deployment before: there is nothing to go back to"
            )
        self._session.view.say("going back to the last good deployment", "bold")
        try:
            again = self._apply_again(record, before)
        except HubError as error:
            return self._session.unrestored(
                f"the last good deployment was not applied: {error}; {self._session.standing}"
            )
        if again.ending is not Ending.GOOD:
            return self._session.unrestored(
                f"{self._device} has the last good deployment again, and is not well with it; {self._how()}",
                again,
            )
        self._store.seen_good(self._device)
        self._session.result["failure"] = message
        return self._session.end(
            code_of(followed.ending), "restored", f"{self._device} runs the last good deployment again"
        )

    def _apply_again(self, record: LastGood, before: Snapshot) -> Followed:
        failing = self._hub.snapshot(self._device, record.sections)
        self._require_ours(failing)
        self._standing("the last good deployment was being applied to {device} again")
        self._apply(record.sections, failing)
        self._standing("{device} has the last good deployment again, and was not seen well with it yet")
        return self._follow(f"Restoring {self._device}", as_connected_in(failing, before))

    def _apply(self, sections: Sections, over: Snapshot) -> None:
        self._hub.apply(self._device, as_content(sections))
        self._expected = _fingerprint(sections), over[AGENT].version + 1

    def _follow(self, title: str, before: Snapshot | None) -> Followed:
        """Raises HubError when somebody else deploys meanwhile: what is seen then says nothing of this deployment."""

        def look() -> Verdicts:
            now = self._hub.snapshot(self._device)
            self._require_ours(now)
            return {self._device: judge(self._device, now, before)}

        return self._session.follow(title, look)

    def _require_still(self, shown: Snapshot) -> None:
        """The device has what the difference was shown against. IoT Hub takes a deployment without a condition."""
        now = self._hub.snapshot(self._device, shown)
        if compare(sections_of(shown), sections_of(now)):
            raise HubError(
                f"somebody else has changed {self._device} since the difference was shown: deploy again to see what "
                "would change"
            )

    def _require_ours(self, now: Snapshot) -> None:
        """Both tell another's: IoT Hub may write values otherwise, and may count a change twice."""
        seen, version = _fingerprint(sections_of(now)), now[AGENT].version
        if self._expected is not None and seen != self._expected[0] and version > self._expected[1]:
            self._session.standing = "it was left at that"
            raise HubError(f"somebody else has deployed to {self._device} meanwhile")
        self._expected = seen, version

    def _standing(self, text: str) -> None:
        self._session.standing = f"{text.format(device=self._device)}; {self._how()}"

    def _how(self) -> str:
        return _AGAIN.format(env=self._session.options.env, device=self._device)


def _fingerprint(sections: Mapping[str, Mapping[str, Any]]) -> str:
    """Of what the agent is to run."""
    return fingerprint(only(sections, [AGENT]))
