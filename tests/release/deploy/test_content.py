"""Deployments laid on each other, cut into layers, and compared."""

from __future__ import annotations

from typing import Any

from release.deploy.content import (
    AGENT,
    DESIRED,
    HUB,
    as_content,
    as_layer,
    comparable,
    deployed,
    fingerprint,
    is_layer,
    lay,
)
from release.deploy.twins import ModuleTwin
from tests.release.deploy.twins import agent_desired, definition

BASE: dict[str, Any] = {
    AGENT: {DESIRED: agent_desired(camera=definition())},
    HUB: {DESIRED: {"schemaVersion": "1.1", "routes": {"up": "FROM /* INTO $upstream"}}},
    "camera": {DESIRED: {"fps": 5}},
}


def test_a_whole_section_replaces_and_a_path_is_put_beside() -> None:
    below = lay(BASE, {})
    layer: dict[str, Any] = {
        AGENT: {f"{DESIRED}.modules.second": definition("r/second:1")},
        HUB: {f"{DESIRED}.routes.more": "FROM /messages/* INTO $upstream"},
        "camera": {DESIRED: {"maximumSide": 64}},
        "second": {f"{DESIRED}.deep.er": 1},
    }
    laid = lay(layer, below)
    assert set(laid[AGENT]["modules"]) == {"camera", "second"}
    assert laid[AGENT]["systemModules"] == below[AGENT]["systemModules"]
    assert set(laid[HUB]["routes"]) == {"up", "more"}
    assert laid["camera"] == {"maximumSide": 64}
    assert laid["second"] == {"deep": {"er": 1}}
    assert "second" not in below[AGENT]["modules"]


def test_the_whole_section_comes_first_wherever_it_stands() -> None:
    assert lay({"m": {f"{DESIRED}.b": 2, DESIRED: {"a": 1}}}, {"m": {"c": 3}}) == {"m": {"a": 1, "b": 2}}


def test_the_layer_of_a_deployment_adds_its_modules_and_routes_and_nothing_else() -> None:
    layer = as_layer(BASE)
    assert not is_layer(BASE)
    assert is_layer(layer)
    assert layer == {
        AGENT: {f"{DESIRED}.modules.camera": definition()},
        HUB: {f"{DESIRED}.routes.up": "FROM /* INTO $upstream"},
        "camera": {DESIRED: {"fps": 5}},
    }
    other = {**lay(BASE, {}), AGENT: agent_desired(other=definition("r/other:1"))}
    assert set(lay(layer, other)[AGENT]["modules"]) == {"other", "camera"}


def test_sections_make_the_content_again() -> None:
    assert as_content(lay(BASE, {})) == BASE


def test_another_cut_of_create_options_is_the_same_deployment() -> None:
    def sections(**settings: str) -> Any:
        return lay(
            {AGENT: {DESIRED: agent_desired(camera=definition(settings={"image": "i", **settings}))}}, {}
        )

    one = sections(createOptions='{"HostConfig": {"Memory": 1}}')
    two = sections(createOptions='{"HostConfig":', createOptions01='{"Memory":1}}')
    three = sections(createOptions='{"HostConfig":{"Memory":2}}')
    assert comparable(one) == comparable(two)
    assert fingerprint(one) == fingerprint(two) != fingerprint(three)
    assert comparable(sections(createOptions="")) == comparable(sections())


def test_only_what_runs_is_deployed() -> None:
    sections = {**lay(BASE, {}), "left over": {"a": 1}}
    assert set(deployed(sections)) == {AGENT, HUB, "camera"}


def test_what_iot_hub_adds_to_a_twin_is_left_out() -> None:
    twin = ModuleTwin.of(
        {
            "desired": {"fps": 5, "$version": 7, "$metadata": {"$lastUpdated": "now"}},
            "reported": {"$version": 3},
        }
    )
    assert (twin.desired, twin.version, twin.reported) == ({"fps": 5}, 7, {})
