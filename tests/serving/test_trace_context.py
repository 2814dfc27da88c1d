from __future__ import annotations

import re

import pytest

from serving.trace_context import begin

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    "header", [f"00-{TRACE}-{SPAN}-01", f"01-{TRACE}-{SPAN}-01-more", f"cc-{TRACE}-{SPAN}-01"]
)
def test_a_valid_header_is_continued_with_a_span_of_our_own(header: str) -> None:
    trace = begin(header)
    assert (trace.trace_id, trace.flags) == (TRACE, "01")
    assert trace.span_id != SPAN
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", trace.header)


@pytest.mark.parametrize(
    "header",
    [None, "", "x", f"ff-{TRACE}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01",
     f"00-{TRACE.upper()}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01-more", f"00-{TRACE}-{SPAN}-01\n"],
)  # fmt: skip
def test_any_other_begins_a_new_trace(header: str | None) -> None:
    first, second = begin(header), begin(header)
    assert TRACE not in (first.trace_id, second.trace_id)
    assert first.trace_id != second.trace_id
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", first.header)
