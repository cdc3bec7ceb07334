"""Are requests rendered, and traffic files read, as written?"""

from __future__ import annotations

import doctest
import tomllib
from pathlib import Path
from random import Random

import pytest

from offramp.errors import UsageError
from offramp.load import samples, summary, traffic, values
from offramp.load.traffic import parse
from offramp.load.values import Between, DaysAhead, OneOf, Words, draw

MIX = """
[front]
host = "www.shop.example"
path = "/config.json"
[values]
n = { between = [1, 3] }
[[read]]
name = "list"
weight = 1
origin = "API"
path = "/things?page={n}"
learn = { thing = "results.*.id" }
[[create]]
name = "make"
weight = 1
origin = "API"
path = "/things"
body = { note = "{n}" }
stored = { database = "shop", table = "thing", token = "token", columns = ["note"] }
[[update]]
name = "change"
of = "make"
weight = 1
origin = "API"
path = "/things/{key}"
body = { note = "{n}" }
"""


@pytest.mark.parametrize("module", [values, summary, samples])
def test_the_examples_in_the_docstrings_hold(module: object) -> None:
    failed, tried = doctest.testmod(module)  # type: ignore[arg-type]

    assert (failed, tried > 0) == (0, True)


@pytest.mark.parametrize("value", [Between(1, 9), OneOf(("a", "b")), Words(3), DaysAhead(1, 5)])
def test_a_seed_draws_the_same_value_again(value: values.Value) -> None:
    assert draw(value, Random(7), 1e9) == draw(value, Random(7), 1e9)


def test_a_traffic_file_becomes_typed_actions() -> None:
    mix = parse(tomllib.loads(MIX))

    assert [(action.name, action.method) for action in mix.actions] == [
        ("list", "GET"),
        ("make", "POST"),
        ("change", "PATCH"),
    ]
    assert mix.action("list").learn == (("thing", "results.*.id"),)
    assert mix.action("change").needs == {"key", "n"}


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("weight = 1", "wieght = 1", "Did you mean 'weight'"),
        ('path = "/config.json"', "", "lacks path"),
        ("between = [1, 3]", "betwen = [1, 3]", "none of between"),
        ('of = "make"', 'of = "mak"', "Did you mean 'make'"),
        ("/things?page={n}", "/things?page={nn}", "which nothing provides. Did you mean 'n'"),
        ("[[read]]", "[[raed]]", "unknown key 'raed'. Did you mean 'read'"),
    ],
)
def test_a_mistake_in_a_traffic_file_is_named_with_the_right_word(old: str, new: str, complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(tomllib.loads(MIX.replace(old, new, 1)))

    assert complaint in str(caught.value)


def test_a_file_that_is_not_toml_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "traffic.toml").write_text("[front")

    with pytest.raises(UsageError, match="is not a traffic file"):
        traffic.load(tmp_path / "traffic.toml")


def test_the_example_writes_about_thirty_percent() -> None:
    mix = traffic.load(Path(__file__).parents[2] / "examples/mentoring/traffic.toml")

    weight = {
        kind: sum(a.weight for a in mix.actions if (a.kind == "read") == (kind == "read")) for kind in ("read", "write")
    }

    assert 0.25 <= weight["write"] / sum(weight.values()) <= 0.35
