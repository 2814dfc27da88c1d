from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from serving.flighting import plan as plans
from serving.flighting.plan import FlightPlan, PlanError, parse, read
from tests.serving.flighting.documents import document

SCHEMA = Path(plans.__file__).with_name("plan.schema.json")
MIRROR = {"variant": "v1", "percent": 10}


def refusal(given: Any) -> str:
    with pytest.raises(PlanError) as caught:
        parse(json.dumps(given).encode(), "flight.json")
    assert str(caught.value).startswith("flight.json: ")
    return str(caught.value)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], "object"),
        ({}, "schema: Field required"),
        (document(100, schema="flight/2"), "flight/1"),
        (document(100, colour="red"), "colour: Extra inputs are not permitted"),
        (document(90, 9), "variants: the percentages sum to 99, not to 100"),
        (document(90, 10.01), "variants: the percentages sum to 100.01, not to 100"),
        (document(90.005, 9.995), "variants.0.percent: at most two decimals (found 90.005)"),
        (document(101, -1), "variants.0.percent: Input should be less than or equal to 100 (found 101)"),
        (document(), "variants: "),
        (document(100, primary="other"), "primary: other is none of the variants v0"),
        (document(100, primary="Über"), "primary: String should match"),
        (document(*[100, *[0] * 16]), "variants: Tuple should have at most 16 items"),
        (
            document(100) | {"variants": [{"name": "v0", "bundle": "a", "percent": 50}] * 2},
            "variants: v0: named twice",
        ),
        (document(100, mirror={"variant": "v1", "percent": 1}), "mirror.variant: v1 is no variant"),
        (document(100, 0, mirror={"variant": "v0", "percent": 1}), "mirror.variant: v0 is no variant"),
        (document(100, 0, mirror={"variant": "v1", "percent": 51}), "mirror.percent: Input should be less"),
        (document(100, 0, mirror={"variant": "v1"}), "mirror.percent: Field required"),
        (document(90, 10, rollback={"disagreement": 0.1}), "measured by a mirror"),
        (document(90, 10, rollback={"scoreDistance": 0.1}), "measured by a mirror"),
        (document(90, 10, rollback={"windowSeconds": 60}), "rollback: no bound is given"),
        (document(90, 10, rollback={"errorRate": 0}), "rollback.errorRate: Input should be greater than 0"),
        (
            document(90, 10, rollback={"errorRate": "0.1"}),
            "rollback.errorRate: Input should be a valid number",
        ),
        (document(90, 10, rollback={"errorRate": 0.1, "minimumCount": 0}), "rollback.minimumCount"),
        (document(90, 10, rollback={"error_rate": 0.1}), "rollback.error_rate: Extra inputs"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(given: Any, told: str) -> None:
    assert told in refusal(given)


def test_every_problem_is_told_at_once() -> None:
    told = refusal(document(101, colour="red"))
    assert "variants.0.percent" in told
    assert "colour" in told


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b"null", b"{" * 1000, b'{"schema": NaN}'])
def test_what_is_no_document_is_refused(raw: bytes) -> None:
    with pytest.raises(PlanError):
        parse(raw, "flight.json")


def test_a_long_document_is_not_read() -> None:
    with pytest.raises(PlanError, match="longer than 65536 bytes"):
        parse(b" " * 70_000, "flight.json")


def test_hundredths_of_a_percent_sum_exactly() -> None:
    tenth = [11.11] * 9
    flown = parse(json.dumps(document(0.01, *tenth)).encode(), "test")
    assert sum(variant.steps for variant in flown.variants) == 10_000


def test_errors_take_a_candidate_back_unless_the_plan_says_otherwise() -> None:
    usual = parse(json.dumps(document(90, 10)).encode(), "test").rollback
    assert usual is not None
    assert (usual.error_rate, usual.disagreement, usual.minimum_count) == (0.05, None, 100)
    assert parse(json.dumps(document(90, 10, rollback=None)).encode(), "test").rollback is None


def test_a_plan_is_found_behind_the_links_of_a_config_map(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"..{number}").mkdir()
        (tmp_path / f"..{number}" / "flight.json").write_text(json.dumps(document(100 - number, number)))
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "flight.json").symlink_to("..data/flight.json")
    assert read(tmp_path / "flight.json").variants[1].percent == 1
    (tmp_path / "..new").symlink_to("..2")
    (tmp_path / "..new").replace(tmp_path / "..data")
    assert read(tmp_path / "flight.json").variants[1].percent == 2


def test_a_file_that_is_not_there_is_a_refusal_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"flight\.json: cannot be read: No such file"):
        read(tmp_path / "flight.json")


def test_the_schema_beside_the_code_is_the_code_s() -> None:
    assert json.loads(SCHEMA.read_text()) == FlightPlan.model_json_schema(by_alias=True)


def test_the_readme_s_plan_is_one() -> None:
    text = SCHEMA.with_name("README.md").read_text()
    example = text.split("```json\n")[1].split("```")[0]
    flown = parse(example.encode(), "README.md")
    assert flown.mirror is not None
    assert flown.rollback is not None
