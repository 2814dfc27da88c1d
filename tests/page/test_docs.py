"""docs/page.md tells what the server does."""

from __future__ import annotations

import re
from pathlib import Path

from edge_runtime.page.controls import ControlHandlers
from edge_runtime.page.feed import QUERY, TRACES_PER_SECOND
from edge_runtime.page.guard import CONTENT_SECURITY_POLICY
from edge_runtime.page.runtime_client import RuntimeClient
from tests.page.conftest import Page

TEXT = (Path(__file__).parents[2] / "docs" / "page.md").read_text()


def test_every_call_is_documented_and_every_documented_call_is_served(bare: Page) -> None:
    routes = {(route.method, route.path) for route in ControlHandlers(RuntimeClient()).routes()}
    routes |= {("GET", f"/api/v1/{name}") for name in ("snapshot", "stream", "arrived")}
    served = {
        f"{method} {path.removeprefix('/api/v1').replace('{module}', '{m}')}" for method, path in routes
    }
    documented = {
        f"{verb} {path}" for verb, path in re.findall(r"^\| ([A-Z]+) `(/[^`]+)` \|", TEXT, re.MULTILINE)
    }
    assert documented == served


def test_the_policy_is_the_one_that_is_sent() -> None:
    assert CONTENT_SECURITY_POLICY in " ".join(TEXT.split())


def test_every_event_is_documented() -> None:
    section = TEXT.partition("### Events of the stream")[2].partition("A snapshot:")[0]
    named = {
        name
        for row in re.findall(r"^\| (`[^|]+`) \|", section, re.MULTILINE)
        for name in re.findall(r"\w+", row)
    }
    kinds = {kind.partition(":")[0] for kind in QUERY["types"].split(",")} - {"stored"}
    assert named == {"hello", "snapshot", "message", "gap", *kinds}
    assert TRACES_PER_SECOND == 5
    assert "five traces a second" in TEXT
