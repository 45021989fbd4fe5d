"""docs/reference/settings.md against the settings themselves."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import SecretStr

from sentinel.services.watching.effective_settings import GROUPS, choices_of, described, variable_of, written
from sentinel.settings import Settings

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "settings.md"
ROW = re.compile(r"^\| `(?P<variable>[A-Z_]+)` \| (?P<default>[^|]*) \| (?P<meaning>[^|]+) \|$", re.MULTILINE)


def rows() -> dict[str, tuple[str, str]]:
    found = [(row["variable"], row["default"].strip().strip("`"), row["meaning"]) for row in ROW.finditer(_text())]
    assert len(found) == len({variable for variable, _, _ in found})
    return {variable: (default, meaning) for variable, default, meaning in found}


def _text() -> str:
    return REFERENCE.read_text()


def defaults() -> dict[str, str]:
    return {
        variable_of(name, field): written(name, field.get_default()) for name, field in Settings.model_fields.items()
    }


def test_every_setting_is_in_the_reference_with_its_default_in_the_same_order() -> None:
    assert [(variable, default) for variable, (default, _) in rows().items()] == list(defaults().items())


def test_the_console_groups_settings_as_the_reference_does() -> None:
    headings = re.split(r"^## (.+)$", _text(), flags=re.MULTILINE)
    documented = {
        row["variable"]: title
        for title, section in zip(headings[1::2], headings[2::2], strict=True)
        for row in ROW.finditer(section)
    }

    settings = Settings(database_url=SecretStr("postgresql://nowhere/none"))

    assert {each.variable: each.group for each in described(settings)} == documented
    assert list(dict.fromkeys(documented.values())) == list(GROUPS.values())


def test_the_reference_names_the_words_a_setting_is_limited_to() -> None:
    documented = rows()
    for name, field in Settings.model_fields.items():
        meaning = documented[variable_of(name, field)][1]
        assert all(f"`{choice}`" in meaning for choice in choices_of(field.annotation)), name


def test_the_reference_repeats_the_description_of_each_setting() -> None:
    documented = rows()
    for name, field in Settings.model_fields.items():
        if field.description:
            assert field.description.replace("`", "") in documented[variable_of(name, field)][1].replace("`", ""), name
