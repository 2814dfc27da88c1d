"""What is said to change."""

from __future__ import annotations

from release.deploy.content import AGENT, HUB
from release.deploy.difference import Change, Difference, Kind, compare
from tests.release.deploy.twins import agent_desired, definition

NOW = {
    AGENT: agent_desired(camera=definition(), old=definition("r/old:1")),
    HUB: {"schemaVersion": "1.1", "routes": {"up": "A", "gone": "B"}},
    "camera": {"fps": 5, "colour": True},
    "old": {"x": 1},
}


def test_nothing() -> None:
    assert not compare(NOW, NOW)
    cut = {"image": "r/camera:1", "createOptions": "", "createOptions01": "{}"}
    again = {**NOW, AGENT: agent_desired(camera=definition(settings=cut), old=definition("r/old:1"))}
    assert not compare(NOW, again)


def test_every_kind_of_change_names_its_subject() -> None:
    camera = definition("r/camera:2", env={"FPS": {"value": "7"}})
    after = {
        AGENT: {**agent_desired(camera=camera, new=definition("r/new:1")), "schemaVersion": "1.0"},
        HUB: {"schemaVersion": "1.1", "routes": {"up": {"route": "A", "priority": 0}}},
        "camera": {"fps": 1, "side": 64},
        "new": {},
    }
    found = compare(NOW, after)
    assert found.removed == ("old",)
    told = {(change.subject, change.path): change for change in found.changes}
    assert told["module camera", ("settings", "image")] == Change(
        Kind.CHANGED, "module camera", ("settings", "image"), "r/camera:1", "r/camera:2"
    )
    assert told["module camera", ("env",)].kind is Kind.ADDED
    assert told["module old", ()].kind is Kind.REMOVED
    assert told["module new", ()].kind is Kind.ADDED
    assert told["edgeAgent", ("schemaVersion",)].after == "1.0"
    assert told["route up", ()].kind is Kind.CHANGED
    assert told["route gone", ()].kind is Kind.REMOVED
    assert {path: told["twin of camera", path].kind for path in (("fps",), ("side",), ("colour",))} == {
        ("fps",): Kind.CHANGED,
        ("side",): Kind.ADDED,
        ("colour",): Kind.REMOVED,
    }
    assert len(told) == len(found.changes) == 10


def test_one_and_true_are_two_values() -> None:
    assert compare({"m": {"a": 1}}, {"m": {"a": True}})


def test_a_module_without_a_section_keeps_its_own() -> None:
    without = {name: section for name, section in NOW.items() if name != "camera"}
    assert compare(NOW, without) == Difference((), ())


def test_a_device_without_a_deployment() -> None:
    found = compare({AGENT: {}, HUB: {}}, NOW)
    assert found.removed == ()
    assert {"module camera", "module old", "system module edgeHub", "route up"} <= {
        change.subject for change in found.changes
    }
