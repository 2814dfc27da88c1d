from __future__ import annotations

import json

from release.smoke.arrival import Arrival
from release.smoke.known import KnownPicture
from release.smoke.report import document, table
from release.smoke.session import Result
from release.smoke.verdict import Outcome, Tally, counts

CAT, DOG, FROG = (KnownPicture(f"{label}-0.png", label, label * 2) for label in ("cat", "dog", "frog"))


def arrival(picture: KnownPicture, label: str | None, source: str = "smoke-1") -> Arrival:
    return Arrival(
        source, picture.sha256, label, 0.9 if label else None, "fast 1 (ab)", None if label else "why"
    )


def tally() -> Tally:
    return Tally([CAT, DOG, FROG], "smoke-1")


def result(found: Tally) -> Result:
    return Result("1", found.verdicts(), found.models, found.others, 1.0, 2.0)


def test_each_picture_is_right_wrong_or_missing() -> None:
    found = tally()
    found.take(arrival(CAT, "cat"))
    found.take(arrival(DOG, "cat"))
    assert [verdict.outcome for verdict in found.verdicts()] == list(Outcome)
    assert counts(found.verdicts()) == {Outcome.RIGHT: 1, Outcome.WRONG: 1, Outcome.MISSING: 1}
    assert (found.arrived, found.complete, result(found).passed) == (2, False, False)


def test_no_answer_is_wrong() -> None:
    found = tally()
    found.take(arrival(CAT, None))
    assert found.verdicts()[0].outcome is Outcome.WRONG


def test_another_run_s_pictures_and_second_deliveries_change_nothing() -> None:
    found = tally()
    found.take(arrival(CAT, "dog", source="smoke-2"))
    found.take(arrival(CAT, "cat"))
    found.take(arrival(CAT, "dog"))
    assert (found.arrived, found.verdicts()[0].outcome) == (1, Outcome.RIGHT)


def test_all_right_passes() -> None:
    found = tally()
    for picture in (CAT, DOG, FROG):
        found.take(arrival(picture, picture.label))
    assert (found.complete, result(found).passed) == (True, True)
    assert (
        table(result(found), "edge")
        .splitlines()[-2]
        .startswith("PASSED on edge: 3 right, 0 wrong, 0 missing")
    )


def test_the_table_ends_with_what_is_not_right_and_why() -> None:
    found = tally()
    found.take(arrival(DOG, "cat"))
    found.take(arrival(CAT, "cat"))
    found.take(Arrival("smoke-1", "unknown", "cat", 1.0, "fast 1 (ab)"))
    lines = table(result(found), "edge").splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["cat-0.png", "dog-0.png", "frog-0.png"]
    assert lines[4].startswith("FAILED on edge: 1 right, 1 wrong, 1 missing")
    assert "1 pictures came that are not the known ones" in lines[-1]


def test_the_document_says_the_same() -> None:
    found = tally()
    found.take(arrival(CAT, "cat"))
    said = json.loads(document(result(found), "edge"))
    assert (said["passed"], said["counts"]) == (False, {"right": 1, "wrong": 0, "missing": 2})
    assert said["pictures"][0] == {
        "file": "cat-0.png",
        "expected": "cat",
        "label": "cat",
        "probability": 0.9,
        "remark": None,
        "outcome": "right",
    }
