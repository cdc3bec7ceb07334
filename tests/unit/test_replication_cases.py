"""Does the page of replication cases tell of every case, and is it what the tests say of themselves?"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "replication_cases.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("replication_cases", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_case_is_held_by_a_test_or_excused_by_a_reason(script: ModuleType) -> None:
    assert script.unanswered() == ()


def test_all_118_cases_are_listed_once_and_in_order(script: ModuleType) -> None:
    numbers = [int(case.number[1:]) for _, found in script.cases() for case in found]

    assert numbers == list(range(1, 119))


def test_tests_name_no_case_that_does_not_exist(script: ModuleType) -> None:
    assert script.strangers() == ()


def test_the_page_is_current(script: ModuleType) -> None:
    assert script.page() == script.PAGE.read_text("utf-8"), "Run `python scripts/replication_cases.py`."
