"""Does the mix send what it may, and keep other requests off a row that is being changed?"""

from __future__ import annotations

import tomllib
from random import Random
from uuid import UUID

from offramp.load.mix import Mix, Request
from offramp.load.traffic import parse

MIX = """
front = { host = "www.shop.example", path = "/config.json" }
values = { text = { words = 2 } }
read = [
  { name = "list", weight = 1, origin = "API", path = "/things?q={text}", learn = { place = "results.*.id" } },
  { name = "at", weight = 1, origin = "API", path = "/places/{place}" },
]
create = [
  { name = "make", weight = 1, origin = "API", path = "/things", body = { note = "{text}", x = 1 }, stored = { database = "shop", table = "thing", token = "token", columns = ["note", "version"] } },
]
update = [
  { name = "change", of = "make", weight = 1, origin = "API", path = "/things/{key}", body = { note = "{text}", version = "{version}" } },
]
"""  # noqa: E501
DROP = 'delete = [{ name = "drop", of = "make", weight = 1, origin = "API", path = "/things/{key}" }]'


def mix(seed: int = 1, more: str = "") -> Mix:
    return Mix(parse(tomllib.loads(MIX + more)), "0badcafe", Random(seed))


def next_of(chooser: Mix, name: str) -> Request:
    """Return the next request of that name, with those before it answered by nothing."""
    for serial in range(200):
        request = chooser.next(serial, 1e9)
        if request.action.name == name:
            return request
        chooser.ended(request, in_doubt=False)
    raise AssertionError(f"no {name} in 200 requests")


def names(chooser: Mix) -> set[str]:
    requests = [chooser.next(serial, 1e9) for serial in range(200)]
    return {request.action.name for request in requests}


def make_one(chooser: Mix) -> Request:
    made = next_of(chooser, "make")
    chooser.ended(made, in_doubt=False)
    chooser.answered(made, {"id": 7})
    return made


def test_only_what_needs_nothing_is_sent_at_first() -> None:
    assert names(mix()) == {"list", "make"}


def test_what_an_answer_taught_is_used() -> None:
    chooser = mix()
    chooser.answered(next_of(chooser, "list"), {"results": [{"id": "here"}]})

    assert next_of(chooser, "at").path == "/places/here"


def test_one_seed_chooses_the_same_requests_again() -> None:
    first, second = mix(5), mix(5)

    assert [first.next(n, 1e9) for n in range(50)] == [second.next(n, 1e9) for n in range(50)]


def test_a_path_is_percent_encoded() -> None:
    assert " " not in next_of(mix(), "list").path


def test_a_create_expects_the_compared_columns_it_sent() -> None:
    made = next_of(mix(), "make")

    assert made.write
    assert isinstance(made.body, dict)
    assert made.write.content == {"note": made.body["note"]}


def test_a_token_tells_the_run_and_is_a_uuid() -> None:
    token = mix().token(5)

    assert str(token).startswith("0badcafe-")
    assert (token.version, UUID(str(token))) == (4, token)


def test_versions_of_a_row_rise_with_every_change() -> None:
    chooser = mix()
    make_one(chooser)

    versions = []
    for _ in range(3):
        change = next_of(chooser, "change")
        chooser.ended(change, in_doubt=False)
        assert change.write
        versions.append(change.write.content["version"])

    assert versions == [2, 3, 4]


def test_a_row_under_change_is_out_of_reach() -> None:
    chooser = mix()
    make_one(chooser)
    next_of(chooser, "change")

    assert names(chooser) == {"list", "make"}


def test_a_row_with_a_write_in_doubt_is_left_alone_for_ever() -> None:
    chooser = mix()
    make_one(chooser)
    chooser.ended(next_of(chooser, "change"), in_doubt=True)

    assert names(chooser) == {"list", "make"}


def test_a_deleted_row_is_never_given_back() -> None:
    chooser = mix(more=DROP)
    make_one(chooser)
    chooser.ended(next_of(chooser, "drop"), in_doubt=False)

    assert names(chooser) == {"list", "make"}
