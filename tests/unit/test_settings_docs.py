"""Do the reference pages name every key, and does every example in them parse?"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from offramp import settings
from offramp.design import model
from offramp.settings import Settings

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def keys(*kinds: type) -> list[str]:
    return [field.name for kind in kinds for field in dataclasses.fields(kind)]


SETTINGS = keys(
    settings.HerokuSettings,
    settings.AwsSettings,
    settings.ImageSettings,
    settings.ScheduleSettings,
    settings.AssessSettings,
    settings.DesignSettings,
    settings.ShiftSettings,
    settings.CutoverSettings,
)
BLUEPRINT = keys(
    model.Service,
    model.Release,
    model.Job,
    model.DatabasePlan,
    model.CachePlan,
    model.DomainPlan,
    model.OriginPlan,
    model.Gateway,
    model.Pooler,
    model.Wave,
    model.ShiftPlan,
    model.CutoverPlan,
)


@pytest.mark.parametrize(("page", "names"), [("settings.md", SETTINGS), ("blueprint.md", BLUEPRINT)])
def test_every_key_is_documented(page: str, names: list[str]) -> None:
    text = (REFERENCE / page).read_text()

    assert [name for name in names if f"`{name}`" not in text] == []


def test_the_settings_example_parses() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", (REFERENCE / "settings.md").read_text(), re.DOTALL)

    assert Settings.parse(example, Path("work")).heroku.pipeline == "mentoring"


def test_the_documented_defaults_are_the_defaults() -> None:
    text = (REFERENCE / "settings.md").read_text()
    kinds = (
        settings.HerokuSettings,
        settings.AssessSettings,
        settings.DesignSettings,
        settings.ShiftSettings,
        settings.CutoverSettings,
    )
    defaults = {field.name: field.default for kind in kinds for field in dataclasses.fields(kind)}
    rows = dict(re.findall(r"^\| `(\w+)` \| [^|]* \| `([^`]*)` \|", text, re.MULTILINE))

    told = {name: rows[name] for name in rows if isinstance(defaults.get(name), (str, int, float))}

    assert told == {name: str(defaults[name]) for name in told}
    assert len(told) >= 12
