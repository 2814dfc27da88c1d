"""The page's address, where a person looks for it."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from demo.ledger import Ledger
from demo.options import parse_options
from demo.view import LiveView, PlainView

URL = "http://127.0.0.1:43817/#token=" + "t" * 32


def test_plain_lines_name_the_page_whole() -> None:
    output = io.StringIO()
    PlainView(Console(file=output, width=40)).page(URL)
    assert output.getvalue() == f"page        {URL}\n"


def test_the_live_view_names_it_first_and_goes_on_doing_so() -> None:
    output = io.StringIO()
    view = LiveView(Console(file=output, width=100, force_terminal=True, color_system=None))
    try:
        view.page(URL)
        view.said("camera", "something else")
        output.truncate(0)
        view.refresh(Ledger(), {"modules": {}, "routes": []})
        shown = output.getvalue()
    finally:
        view.close()
    assert f"See it in a browser: {URL}" in shown
    assert shown.index(URL) < shown.index("module")


@pytest.mark.parametrize(("arguments", "wanted"), [([], ["--page"]), (["--no-page"], [])])
def test_the_page_is_there_unless_it_is_not_wanted(arguments: list[str], wanted: list[str]) -> None:
    assert parse_options(arguments).run_arguments() == wanted
