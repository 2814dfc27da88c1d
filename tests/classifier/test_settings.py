from __future__ import annotations

import re
from pathlib import Path

import classifier
from classifier.settings import ClassifierSettings
from module_kit.settings import variable_of

README = Path(classifier.__file__).parent.parent / "README.md"


def test_the_readme_names_every_setting_as_it_is() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (.+?) \| (.+) \|$", README.read_text("utf-8"), re.MULTILINE)
    schema = ClassifierSettings.model_json_schema(by_alias=True)["properties"]
    expected = []
    for name, field in ClassifierSettings.model_fields.items():
        facts = schema[field.alias]
        options = facts.get("anyOf", [facts])[0]
        default = "not set" if field.default is None else f"`{field.default}`"
        bounds = f" ({options['minimum']} to {options['maximum']})" if "minimum" in options else ""
        expected.append((field.alias, variable_of(name), default, f"{field.description}{bounds}"))
    assert rows == expected
