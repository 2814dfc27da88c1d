"""What the modules' READMEs say of settings and of starting by hand is so."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic.alias_generators import to_camel

from camera.settings import CameraSettings
from classifier.settings import ClassifierSettings
from module_kit.settings import ModuleSettings, expected, variable_of
from results_filter.settings import FilterSettings
from tests.e2e.device import ROOT, TEMPLATE, Device, end_all
from tests.patience import PATIENCE_S, wait_for

MODULES: dict[str, type[ModuleSettings]] = {
    "camera": CameraSettings,
    "classifier": ClassifierSettings,
    "results_filter": FilterSettings,
}
ROW = re.compile(r"^\| `(\w+)` \| `([A-Z0-9_]+)` \| (.+?) \| (.+?) \| (.+) \|$", re.MULTILINE)


def readme(module: str) -> str:
    return (ROOT / "modules" / module / "README.md").read_text("utf-8")


@pytest.mark.parametrize("module", MODULES)
def test_every_setting_is_listed_as_it_is(module: str) -> None:
    settings_type = MODULES[module]
    wanted = []
    for name, field in settings_type.model_fields.items():
        shape, _, text = expected(settings_type, name).partition("; ")
        default = field.get_default(call_default_factory=True)
        shown = "not set" if default is None else f"`{json.dumps(default)}`"
        wanted.append((to_camel(name), variable_of(name), shown, shape, text))
    assert ROW.findall(readme(module)) == wanted


@pytest.fixture
def bare_device(tmp_path: Path, loopback: str) -> Iterator[Device]:
    """The repository's deployment, with none of its modules started."""
    left_out = [word for module in MODULES for word in ("--without", module)]
    device = Device(TEMPLATE, tmp_path / "s", loopback, *left_out)
    try:
        yield device.up()
    finally:
        device.kill()
        end_all(device.state)


def test_each_module_starts_by_hand_as_its_readme_says(bare_device: Device) -> None:
    started = []
    try:
        for module in MODULES:
            in_another = re.findall(r"```sh\n(set -a.+?)```", readme(module), re.DOTALL)[0]
            script = in_another.replace("/tmp/edge", str(bare_device.state)).replace(
                "PYTHON", "exec env PYTHON"
            )
            started.append(subprocess.Popen(["bash", "-euc", script], cwd=ROOT))
        wait_for(
            lambda: all(bare_device.snapshot()["modules"][module]["connected"] for module in MODULES),
            "all modules connected",
        )
    finally:
        for process in started:
            process.terminate()
        assert [process.wait(PATIENCE_S) for process in started] == [0] * len(MODULES)
