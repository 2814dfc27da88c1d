"""What people see: what changes, and how far it is."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from release.deploy.difference import Change, Difference, Kind
from release.deploy.masking import Masker
from release.deploy.verdict import DeviceVerdict, Health, Verdict
from release.deploy.view import View, progress

SECRET = "hunter2-hunter2"


@pytest.fixture
def view() -> View:
    masker = Masker()
    masker.learn_variables({"A_PASSWORD": SECRET})
    made = View(masker, machine=False)
    made.console = Console(file=io.StringIO(), highlight=False, soft_wrap=True)
    return made


def shown(view: View) -> str:
    assert isinstance(view.console.file, io.StringIO)
    return view.console.file.getvalue()


CHANGES = Difference(
    (
        Change(Kind.CHANGED, "module camera", ("env", "FPS", "value"), "5", "7"),
        Change(Kind.CHANGED, "module camera", ("settings", "image"), f"r/{'x' * 40}:1", f"r/{'x' * 40}:2"),
        Change(Kind.ADDED, "module new", (), None, {"settings": {"image": "r/new:1"}}),
        Change(Kind.REMOVED, "route up", (), {"route": "FROM /* INTO $upstream"}, None),
        Change(Kind.CHANGED, "edgeAgent", ("runtime", "password"), "one", "two"),
        Change(Kind.ADDED, "edgeAgent", ("note",), None, f"[red] {SECRET}"),
        Change(Kind.CHANGED, "twin of camera", ("label",), "", "x"),
    ),
    ("old",),
)


def test_what_changes(view: View) -> None:
    view.say(SECRET)
    view.difference(CHANGES, "edge")
    assert shown(view).splitlines() == [
        "***",
        "Changes on edge",
        "  module camera",
        "~   env.FPS.value: 5 -> 7",
        "~   settings.image",
        f"-     r/{'x' * 40}:1",
        f"+     r/{'x' * 40}:2",
        "+ module new: r/new:1",
        "- route up: FROM /* INTO $upstream",
        "  edgeAgent",
        "~   runtime.password: *** -> ***",
        "+   note: [red] ***",
        "  twin of camera",
        '~   label: "" -> x',
        "- the module old ENDS: the new deployment does not name it",
    ]
    assert [change["after"] for change in view.changes(CHANGES)][4:6] == ["***", "[red] ***"]


def verdicts(health: Health, text: str) -> dict[str, DeviceVerdict]:
    good = Verdict("$edgeAgent", Health.GOOD, "runs version 3")
    return {"edge": DeviceVerdict((good, Verdict("camera", health, text)))}


def test_in_a_log_there_is_a_line_for_each_change_alone(view: View) -> None:
    with progress(view, "Deploying to edge") as lines:
        lines.show(verdicts(Health.WAITING, f"starting {SECRET}"), 0, "")
        lines.show(verdicts(Health.WAITING, f"starting {SECRET}"), 1, "")
        lines.show(verdicts(Health.GOOD, "running"), 2, "all is well; watching for another 5 s")
        lines.show(verdicts(Health.GOOD, "running"), 3, "all is well; watching for another 4 s")
    assert shown(view).splitlines() == [
        "Deploying to edge",
        "     0 s  ok $edgeAgent: runs version 3",
        "     0 s  .. camera: starting ***",
        "     2 s  ok camera: running",
        "     2 s  all is well; watching for another 5 s",
    ]


def test_on_a_terminal_the_whole_state_is_drawn_anew(view: View) -> None:
    view.console = Console(file=io.StringIO(), force_terminal=True, width=80)
    with progress(view, "Deploying to edge") as drawn:
        drawn.show(verdicts(Health.WAITING, f"starting {SECRET}"), 0, "")
        drawn.show(verdicts(Health.FAILED, "exit code 2"), 1, "a remark")
    text = shown(view)
    assert text.count("$edgeAgent") >= 2
    assert "\x1b[1;31mXX" in text
    assert "a remark" in text
    assert SECRET not in text


def test_for_programs_there_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    masker = Masker()
    masker.learn_variables({"A_PASSWORD": SECRET})
    view = View(masker, machine=True)
    view.say("for people")
    view.result({"message": f"no {SECRET}", "exitCode": 0})
    out, error = capsys.readouterr()
    assert json.loads(out) == {"message": "no ***", "exitCode": 0}
    assert "for people" in error
