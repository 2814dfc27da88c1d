"""What each module answers to a twin patch that is wrong: through the real SDK and the real hub."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.edge.edge import Edge


@dataclass(frozen=True)
class Bad:
    """A patch, the setting that it is about, and what the description must say."""

    patch: dict[str, Any]
    name: str
    said: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """One module: how it starts, a good value, what is refused, and a patch that is good again."""

    module: str
    environment: dict[str, str]
    good: dict[str, Any]
    bad: tuple[Bad, ...]
    mended: dict[str, Any]


CASES = (
    Case(
        "camera",
        {"SOURCE": "sample:", "FPS": "2"},
        {"fps": 3, "maximumSide": 48},
        (
            Bad({"fps": "fast"}, "fps", ('fps = "fast"', "number from 0 to 1000")),  # wrong type
            Bad({"fps": 1001}, "fps", ("fps = 1001", "number from 0 to 1000")),  # out of range
            Bad({"maximumSide": 16.5}, "maximumSide", ("maximumSide = 16.5", "integer from 0 to 16384")),
            Bad({"region": [0, 0, 2, 1]}, "region", ("region/2 = 2", "number from 0 to 1")),
            Bad({"format": "gif"}, "format", ('format = "gif"', "one of auto, png, jpeg")),
            Bad({"source": "ftp://me:s3cret@h/"}, "source", ("ftp://***@h/", "expected one of camera:N")),
            Bad({"framesPerSecond": 5}, "framesPerSecond", ("no such setting", "fps")),  # unknown key
            Bad({"maximumSide": 32, "fps": -1}, "fps", ("fps = -1", "from 0 to 1000")),  # refused whole
        ),
        {"fps": 4},
    ),
    Case(
        "classifier",
        {},
        {"topK": 2, "margin": 0.25},
        (
            Bad({"topK": "2"}, "topK", ('topK = "2"', "integer from 1 to 100")),
            Bad({"topK": 0}, "topK", ("topK = 0", "integer from 1 to 100")),
            Bad({"margin": True}, "margin", ("margin = true", "number from 0 to 1")),
            Bad({"model": "no-such"}, "model", ("model", "no-such")),
            Bad({"inbox": 256}, "inbox", ("inbox", "INBOX")),  # set at start alone
            Bad({"top_k": 5}, "top_k", ("no such setting", "topK")),
            Bad({"margin": 0.5, "topK": 101}, "topK", ("topK = 101", "from 1 to 100")),
        ),
        {"topK": 5},
    ),
    Case(
        "results_filter",
        {},
        {"threshold": 0.75, "exclude": ["cat"]},
        (
            Bad({"threshold": "high"}, "threshold", ('threshold = "high"', "number from 0 to 1")),
            Bad({"threshold": 1.5}, "threshold", ("threshold = 1.5", "number from 0 to 1")),
            Bad({"exclude": "cat"}, "exclude", ('exclude = "cat"', "array of string")),
            Bad({"thresholds": {"cat": 2}}, "thresholds", ("thresholds/cat = 2", "number from 0 to 1")),
            Bad({"meterBlockBytes": 1024}, "meterBlockBytes", ("= 1024", "one of 512, 4096")),
            Bad({"smoothingNeeded": 9}, "smoothingNeeded", ("smoothingNeeded (9)", "smoothingWindow (5)")),
            Bad({"localSink": "http://me:s3cret@h/t"}, "localSink", ("http://***@h/t", "mqtt://")),
            Bad({"treshold": 0.5}, "treshold", ("no such setting", "threshold")),
            Bad({"exclude": [], "threshold": -1}, "threshold", ("threshold = -1", "from 0 to 1")),
        ),
        {"threshold": 0.5},
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.module)
async def test_a_wrong_patch_is_refused_whole_and_a_good_one_mends_it(case: Case, loopback: str) -> None:
    async with Edge(loopback, {case.module: {}}, {}) as edge:
        program = edge.start(case.module, "-m", case.module, **case.environment)
        version = await edge.desire(case.module, case.good)
        before = await acknowledged(edge, case.module, version, *case.good)
        assert values(before, case.good) == case.good
        for bad in case.bad:
            version = await edge.desire(case.module, bad.patch)
            reported = await acknowledged(edge, case.module, version, *bad.patch)
            answer = reported[bad.name]
            assert {reported[name]["ac"] for name in bad.patch} == {400}, bad
            assert all(part in answer["ad"] for part in bad.said), answer["ad"]
            assert "s3cret" not in str(reported)
            assert answer.get("value") == before.get(bad.name, {}).get("value"), "the old value stays"
            assert values(reported, case.good) == case.good, "nothing else has changed"
            await edge.desire(case.module, dict.fromkeys(bad.patch) | among(case.good, bad.patch))
        version = await edge.desire(case.module, case.mended)
        mended = await acknowledged(edge, case.module, version, *case.mended)
        assert values(mended, case.mended) == case.mended
        refused = {name for bad in case.bad for name in bad.patch}
        assert {mended[name]["ac"] for name in refused & before.keys()} == {200}
        assert not (refused - before.keys()) & mended.keys(), "what is no setting is forgotten with its patch"
        assert "s3cret" not in await program.stop()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.module)
async def test_null_goes_back_to_the_environment(case: Case, loopback: str) -> None:
    name = next(iter(case.good))
    async with Edge(loopback, {case.module: {name: case.good[name]}}, {}) as edge:
        edge.start(case.module, "-m", case.module, **case.environment)
        await edge.reported(case.module, lambda section: section.get(name, {}).get("ad") == "twin")
        version = await edge.desire(case.module, {name: None})
        answer = (await acknowledged(edge, case.module, version, name))[name]
        variable = case.environment.get(name.upper())
        assert (answer["ac"], answer["ad"]) == (200, "environment" if variable else "default")
        assert variable is None or answer["value"] == float(variable)


async def acknowledged(edge: Edge, module: str, version: int, *names: str) -> dict[str, Any]:
    """The reported section once each of `names` is acknowledged for this desired version."""
    return await edge.reported(
        module, lambda section: all(section.get(name, {}).get("av", 0) >= version for name in names)
    )


def values(section: dict[str, Any], like: dict[str, Any]) -> dict[str, Any]:
    return {name: section[name].get("value") for name in like}


def among(good: dict[str, Any], names: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in good.items() if name in names}
