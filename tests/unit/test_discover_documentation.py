"""Does the reference of estate.json name every field of every thing in it, and no other?"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from offramp.discover import model

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "estate.md").read_text()
KINDS = sorted(name for name in model.__all__ if dataclasses.is_dataclass(getattr(model, name)))


@pytest.mark.parametrize("name", KINDS)
def test_every_field_is_in_the_reference(name: str) -> None:
    section = PAGE.split(f"## {name}\n", 1)[1].split("\n## ", 1)[0]
    documented = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)

    assert documented == [field.name for field in dataclasses.fields(getattr(model, name))]


def test_the_reference_names_nothing_else() -> None:
    assert sorted(re.findall(r"^## (\w+)$", PAGE, re.MULTILINE)) == KINDS
    assert f"`{model.SCHEMA}`" in PAGE
