"""One call of `scripts/deploy`: its options, what it shows, and what it would say if it were interrupted."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from release.deploy.difference import Difference
from release.deploy.follow import Ending, Followed, Follower, Verdicts
from release.deploy.options import Options
from release.deploy.outcome import DeclinedError, Exit
from release.deploy.view import View, progress

UNCHANGED = "nothing was changed"


@dataclass(slots=True)
class Session:
    """`result` becomes the document of `--json`; `standing` says what the devices have at this moment."""

    options: Options
    view: View
    result: dict[str, Any] = field(default_factory=dict)
    standing: str = UNCHANGED

    def confirm(self, where: str, removed: tuple[str, ...]) -> None:
        """Ask, or take `--yes`. Raises DeclinedError; modules end only when that was said."""
        if self.options.yes:
            if removed and not self.options.remove:
                raise DeclinedError(
                    f"this would end {', '.join(removed)}, which the template does not name; say --remove if that is "
                    "meant, or --layered to leave what is there"
                )
            return
        if not sys.stdin.isatty():
            raise DeclinedError("nobody to ask: there is no terminal; say --yes to deploy without a question")
        ends = f" The module{'s' * (len(removed) > 1)} {', '.join(removed)} will END." if removed else ""
        if self.view.ask(f"Apply this to {where}?{ends} [y/N] ").lower() not in ("y", "yes"):
            raise DeclinedError("not confirmed")

    def planned(self, difference: Difference, where: str) -> Exit | None:
        """Show what changes; the end when that is all that was asked for."""
        self.view.difference(difference, where)
        self.result |= {"changes": self.view.changes(difference), "removed": list(difference.removed)}
        if not self.options.dry_run:
            return None
        return self.end(Exit.DONE, "planned", f"{where}: {UNCHANGED} (--dry-run)", style="")

    def follow(self, title: str, look: Callable[[], Verdicts]) -> Followed:
        """Until it is decided; shown while it goes on."""
        with progress(self.view, title) as shown:
            followed = Follower(self.options.pace, shown).follow(look)
        self.result["devices"] = {
            device: {
                one.name: {"health": one.health.name.lower(), "text": one.text} for one in verdict.verdicts
            }
            for device, verdict in followed.verdicts.items()
        }
        for device, verdict in followed.verdicts.items():
            for one in verdict.as_before:
                self.view.say(f"{device}: {one.name} was unwell before, and is: {one.text}", "yellow")
        return followed

    def failed(self, followed: Followed) -> str:
        """Say why it did not come right; the message."""
        took = f"{followed.elapsed_s:.0f} s"
        word = "failed after" if followed.ending is Ending.FAILED else "is not well after"
        message = f"the deployment {word} {took}: {'; '.join(followed.reasons) or 'no device has it yet'}"
        self.view.error(message)
        self.result["reasons"] = list(followed.reasons)
        return message

    def unrestored(self, message: str, followed: Followed | None = None) -> Exit:
        """The last word when the devices are not known to be well. `followed` says why, unless that was said."""
        if followed is not None:
            self.failed(followed)
        return self.end(Exit.UNRESTORED, "failed", message)

    def end(self, code: Exit, outcome: str, message: str, *, style: str = "bold green") -> Exit:
        """The last word."""
        self.result |= {"outcome": outcome, "exitCode": int(code), "message": message}
        if code is Exit.DONE:
            self.view.say(message, style)
        else:
            self.view.error(message)
        return code


def code_of(ending: Ending) -> Exit:
    """After the last good deployment has come back."""
    return Exit.FAILED if ending is Ending.FAILED else Exit.LATE
