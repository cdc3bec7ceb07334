"""Are queues recognised, keys reduced to patterns that name nobody, indexes judged and constants taken out of statements?"""

from __future__ import annotations

import doctest
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.cache import SampledKey
from offramp.discover import diff, fingerprint, history, indexes, jobs, patterns, queues, statements
from offramp.discover.indexes import ForeignKey, Index
from offramp.discover.model import Queue
from offramp.kit import recent


def key(name: str, kind: str = "string", ttl_ms: int | None = None, size: int | None = None) -> SampledKey:
    return SampledKey(name, kind, ttl_ms, size)


def recognised(
    types: Mapping[str, str], counts: Mapping[str, int] | None = None, names: Mapping[str, Sequence[str]] | None = None
) -> tuple[tuple[str, ...], tuple[Queue, ...]]:
    return queues.recognise(queues.Lengths(types, counts or {}, names or {}))


@pytest.mark.parametrize(
    ("types", "counts", "names", "library", "expected"),
    [
        (
            {"celery": "list", "_kombu.binding.mail": "set", "_kombu.binding.celeryev": "set", "unacked": "hash"},
            {"celery": 3, "mail": 2, "unacked": 5},
            {},
            "Celery",
            [("celery", 3, 0, 0), ("mail", 2, 0, 0), ("(held by workers)", 0, 5, 0)],
        ),
        (
            {"rq:queues": "set", "rq:wip:default": "zset"},
            {"rq:queue:default": 4, "rq:wip:default": 1, "rq:scheduled:default": 2},
            {"rq:queues": ["rq:queue:default"]},
            "RQ",
            [("default", 4, 1, 2)],
        ),
        (
            {"queues": "set", "schedule": "zset", "retry": "zset", "processes": "set"},
            {"queue:default": 7, "schedule": 2, "retry": 1, "host:1:ab:work": 3},
            {"queues": ["default"]},
            "Sidekiq",
            [("default", 7, 0, 0), ("(all queues)", 0, 3, 3)],
        ),
        (
            {"resque:queues": "set", "resque:worker:a:1:high": "string"},
            {"resque:queue:high": 2},
            {"resque:queues": ["high"]},
            "Resque",
            [("high", 2, 0, 0), ("(all queues)", 0, 1, 0)],
        ),
        (
            {"bull:mail:wait": "list", "bull:mail:active": "list", "bull:mail:delayed": "zset", "bull:mail:id": "string"},
            {"bull:mail:wait": 9, "bull:mail:active": 2, "bull:mail:delayed": 4},
            {},
            "Bull",
            [("mail", 9, 2, 4)],
        ),
        (
            {"dramatiq:default": "list", "dramatiq:default.msgs": "hash", "dramatiq:__acks__.w1.default": "set"},
            {"dramatiq:default": 6, "dramatiq:__acks__.w1.default": 2, "dramatiq:default.DQ": 1},
            {},
            "dramatiq",
            [("default", 6, 2, 1)],
        ),
        ({"asgi:group:chat": "zset"}, {}, {}, "Channels", []),
        ({f":1:views.{n}": "string" for n in range(3)}, {}, {}, "Django cache", []),
    ],
)  # fmt: skip
def test_a_queue_library_is_known_by_its_keys(
    types: Mapping[str, str],
    counts: Mapping[str, int],
    names: Mapping[str, Sequence[str]],
    library: str,
    expected: list[tuple[str, int, int, int]],
) -> None:
    libraries, found = recognised(types, counts, names)

    assert libraries == (library,)
    assert [(one.name, one.pending, one.in_flight, one.scheduled) for one in found] == expected


def test_keys_of_no_library_are_none() -> None:
    assert recognised({"session:1": "string", "cart": "hash", "queues": "string", "leaderboard": "zset"}) == ((), ())


def test_names_of_people_and_tokens_become_stars() -> None:
    people = ["ann", "bob", "cleo", "dora"]
    sampled = [key(f"user:{name}:cart", "hash", size=100) for name in people]
    sampled += [key(f"session:{n:032x}", ttl_ms=60_000) for n in range(5)] + [key("ann@example.org")]

    found = {
        one.pattern: (one.type, one.keys, one.expiring, one.median_ttl_seconds) for one in patterns.patterns(sampled)
    }

    assert found == {
        "user:*:cart": ("hash", 4, 0, None),
        "session:*": ("string", 5, 5, 60),
        "*.*": ("string", 1, 0, None),
    }


def test_sizes_are_scaled_from_the_keys_that_were_asked() -> None:
    sampled = [key("a:1", size=100), key("a:2", size=300), key("a:3"), key("a:4")]

    assert [one.bytes for one in patterns.patterns(sampled)] == [800]


@given(st.lists(st.text("ab:/.@1-", max_size=12), max_size=40))
def test_a_word_is_shown_only_if_several_keys_share_it(names: list[str]) -> None:
    for name, pattern in zip(names, patterns.reduced(names), strict=True):
        shown = [part for part in pattern.replace("/", ":").replace(".", ":").split(":") if part not in ("", "*")]
        assert all(sum(part in other for other in names) >= patterns.ALIKE for part in shown), name


def index(name: str, *columns: str, **changes: object) -> Index:
    made = Index("public", "booking", name, columns, 10**6, 5, False, True, False, "btree", f"btree|{columns}")
    return replace(made, **changes)  # type: ignore[arg-type]  # test data, checked by running


def verdicts(*found: Index, keys: tuple[ForeignKey, ...] = ()) -> list[tuple[str, str, str]]:
    return [(one.name, one.verdict, one.other) for one in indexes.worth_a_word(found, keys)]


def test_indexes_that_cost_more_than_they_give_are_found() -> None:
    key_of_table = index("booking_pkey", "id", needed=True, scans=0)

    assert verdicts(key_of_table, index("a", "mentor"), index("b", "mentor")) == [("b", "duplicate", "a")]
    assert verdicts(key_of_table, index("twin", "id")) == [("twin", "duplicate", "booking_pkey")]
    assert verdicts(index("a", "mentor"), index("wide", "mentor", "day")) == [("a", "covered", "wide")]
    assert verdicts(index("a", "day"), index("wide", "mentor", "day")) == []
    assert verdicts(index("part", "mentor", partial=True), index("wide", "mentor", "day")) == []
    assert verdicts(index("idle", "day", scans=0)) == [("idle", "unused", "")]
    assert verdicts(index("tiny", "day", scans=0, bytes=8192)) == []
    assert verdicts(index("broken", "day", valid=False)) == [("broken", "invalid", "")]


def test_a_foreign_key_needs_an_index_that_begins_with_its_columns() -> None:
    foreign = ForeignKey("public", "booking", "booking_mentor_fkey", ("mentor",))

    assert verdicts(index("wide", "mentor", "day"), keys=(foreign,)) == []
    assert verdicts(index("late", "day", "mentor"), keys=(foreign,)) == [("booking_mentor_fkey", "missing", "")]
    assert verdicts(index("part", "mentor", partial=True), keys=(foreign,)) == [("booking_mentor_fkey", "missing", "")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select 1 from t where a = E'it\\'s ann' and b = $2", "select ? from t where a = ? and b = $2"),
        ("insert into t values ($tag$secret$tag$, 'o''neill')", "insert into t values (?, ?)"),
        ("select x from t1 where y in (-4, 5.5e3) /* traceparent='00-abc' */", "select x from t1 where y in (?, ?)"),
        (
            "select 1 /* don't */ from t where a = 'ann' and b = 'C:\\' and c = 'bob'",
            "select ? from t where a = ? and b = ? and c = ?",
        ),
        ("select \"it's 5\" from t where a = 'ann'", 'select "it\'s 5" from t where a = ?'),
        ("select * from t where note = 'cut off in the mid", "select * from t where note = ?"),
    ],
)
def test_constants_and_comments_leave_no_trace_in_a_statement(text: str, expected: str) -> None:
    assert statements.scrub(text) == expected


@given(st.text(max_size=60))
def test_a_quoted_constant_never_survives(secret: str) -> None:
    quoted = secret.replace("'", "''")
    found = statements.scrub(f"select a from t where b = '{quoted}zq9zq' and c = $1")

    assert "zq9zq" not in found


@pytest.mark.parametrize("module", [diff, fingerprint, history, jobs, patterns, recent, statements])
def test_examples_in_docstrings_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]  # a module
