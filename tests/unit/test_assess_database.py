"""Do the pure parts of the database advice judge rightly: plans into candidates, counts into N+1, sessions into trees, sizes into pages?"""

from __future__ import annotations

import doctest
import json
import types
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.assess.database import candidates, ddl, health, plans, readings, repetition, report, search
from offramp.assess.database.candidates import Candidate, Key
from offramp.assess.database.facts import Column, Facts, Index, Table
from offramp.assess.database.health import ExistingIndex, Session
from offramp.assess.database.model import (
    CacheHit,
    Connections,
    DatabaseAdvice,
    Health,
    Locks,
    Options,
    Requests,
    Statement,
)
from offramp.assess.database.plans import Node
from offramp.assess.database.readings import Count, Reading
from offramp.assess.database.repetition import Reads
from offramp.assess.database.scratch import bytestrings, outline, sizes
from offramp.assess.database.scratch.model import Relation
from offramp.assess.database.scratch.sizes import KeyColumn


@pytest.mark.parametrize("module", [bytestrings, ddl, health, outline, plans, report, sizes])
def test_the_examples_in_the_docstrings_hold(module: types.ModuleType) -> None:
    done = doctest.testmod(module)

    assert (done.failed, done.attempted > 0) == (0, True)


# ---------------------------------------------------------------- candidates

BOOKING = ("public", "booking")


def column(name: str, distinct: float = -1.0, null_frac: float = 0.0, *, ordered: bool = True) -> Column:
    return Column(name, 8, False, 8, null_frac, distinct, ordered, True, False)


def table(*indexes: Index, rows: float = 50_000) -> Table:
    columns = [
        column("id"),
        column("mentor_id", 500),
        column("starts_at"),
        column("state", 4),
        column("done_at", null_frac=0.05),
    ]
    columns += [column("Odd Name", 9), column("place", ordered=False)]
    leaf = Relation(*BOOKING, "r", "heap", 900, rows, 0, 900)
    return Table(BOOKING, False, {each.name: each for each in columns}, (leaf,), indexes)


def index(*keys: str, predicate: str = "", serves: bool = False) -> Index:
    return Index(
        BOOKING, "public", "i_" + "_".join(keys), keys, (False,) * len(keys), predicate, serves, False, False, 8192
    )


def scan(*conditions: str, output: tuple[str, ...] = (), alias: str = "b", **more: object) -> Node:
    plain = Node("Seq Scan", "public", "booking", alias, "", 0, 1000, 10, conditions, (), (), output, "")
    return replace(plain, **more)  # type: ignore[arg-type]


def keys_of(plan: Node, *indexes: Index, rows: float = 50_000) -> list[tuple[str, ...]]:
    facts = Facts({BOOKING: table(*indexes, rows=rows)}, {BOOKING: BOOKING}, frozenset())
    return [
        tuple(str(key) for key in each.keys) for each in candidates.candidates(plan, facts) if not (each.include or each.predicate)
    ]  # fmt: skip


def sort(plan: Node, *keys: str) -> Node:
    return Node("Sort", "", "", "", "", 0, 1100, 10, (), keys, (), (), "", (plan,))


@pytest.mark.parametrize(
    ("plan", "wanted"),
    [
        (scan("(b.mentor_id = $1)"), [("mentor_id",)]),
        (scan("($1 = b.mentor_id)"), [("mentor_id",)]),
        (scan("((b.state)::text = ($1)::text)"), [("state",)]),
        (scan("(b.mentor_id = ANY ($1))"), [("mentor_id",)]),
        (scan("(lower((b.state)::text) = $1)"), [("lower(state)",)]),
        (scan('(b."Odd Name" = $1)'), [('"Odd Name"',)]),
        (scan("(b.place = $1)"), []),
        (scan("((b.starts_at >= $1) AND (b.starts_at < $2))"), [("starts_at",)]),
        (
            scan("((b.state = $1) AND (b.mentor_id = $2))"),
            [("mentor_id",), ("state",), ("mentor_id", "state")],
        ),
        (
            scan("((b.state = $1) AND (b.starts_at > $2))"),
            [("state",), ("starts_at",), ("state", "starts_at")],
        ),
        (
            sort(scan("(b.mentor_id = $1)"), "b.starts_at DESC"),
            [("mentor_id",), ("starts_at desc",), ("mentor_id", "starts_at desc")],
        ),
        (sort(scan("(b.mentor_id = $1)"), "(count(*))"), [("mentor_id",)]),
    ],
)
def test_equality_comes_before_ranges_and_order(plan: Node, wanted: list[tuple[str, ...]]) -> None:
    assert keys_of(plan) == wanted


def test_an_index_that_only_gives_the_order_is_taken_when_nothing_else_saves_as_much() -> None:
    """On a large table it saves nearly all, by a plan that goes through the whole index for a rare constant."""
    facts = Facts({BOOKING: table(rows=5_000_000)}, {BOOKING: BOOKING}, frozenset())
    found = {
        str(each.keys[0]): each
        for each in candidates.candidates(sort(scan("(b.mentor_id = $1)"), "b.starts_at"), facts)
    }
    order = search.Choice(found["starts_at"], 100, search.Gain((), 990.0))
    filtered = search.Choice(found["mentor_id"], 200, search.Gain((), 995.0))

    assert search.best_of([order, filtered]) == filtered
    assert search.best_of([order, replace(filtered, gain=search.Gain((), 500.0))]) == order


def test_what_an_existing_index_begins_with_is_not_proposed() -> None:
    plan = sort(scan("(b.mentor_id = $1)"), "b.starts_at DESC")

    assert keys_of(plan, index("mentor_id", "state")) == [("starts_at desc",), ("mentor_id", "starts_at desc")]
    assert keys_of(plan, index("mentor_id", predicate="done_at is null")) == keys_of(plan)


def test_a_small_table_needs_no_index() -> None:
    assert keys_of(scan("(b.mentor_id = $1)"), rows=candidates.LEAST_ROWS - 1) == []


def test_a_join_makes_candidates_of_both_sides() -> None:
    join = Node(
        "Hash Join", "", "", "", "", 0, 2000, 10, ("(c.id = b.mentor_id)",), (), (), (), "", (scan(), scan(alias="c"))
    )

    assert set(keys_of(join)) == {("id",), ("mentor_id",)}


def test_rare_nulls_make_a_partial_candidate_and_common_ones_do_not() -> None:
    facts = Facts({BOOKING: table()}, {BOOKING: BOOKING}, frozenset())

    def predicates(condition: str) -> set[str]:
        return {each.predicate for each in candidates.candidates(scan(condition), facts)}

    assert predicates("((b.done_at IS NULL) AND (b.mentor_id = $1))") == {"", "done_at is null"}
    assert predicates("((b.done_at IS NOT NULL) AND (b.mentor_id = $1))") == {""}


def test_few_columns_read_make_a_covering_candidate() -> None:
    facts = Facts({BOOKING: table()}, {BOOKING: BOOKING}, frozenset())
    found = candidates.candidates(scan("(b.mentor_id = $1)", output=("b.starts_at", "b.mentor_id")), facts)

    assert ("starts_at",) in {each.include for each in found}


def test_an_index_is_walked_either_way_but_not_both_at_once() -> None:
    down = Candidate(BOOKING, (Key("mentor_id", "mentor_id", True), Key("starts_at", "starts_at", True)))
    mixed = Candidate(BOOKING, (Key("mentor_id", "mentor_id"), Key("starts_at", "starts_at", True)))

    assert [candidates.covers(index("mentor_id", "starts_at"), each) for each in (down, mixed)] == [True, False]


# ---------------------------------------------------------------- N+1

LINKS = frozenset({("public.skill", "public.mentor")})
LIST = Statement("list", "select * from mentor order by joined limit $1", 100, 0.5, 50, 500, 0.3)
SKILLS = Statement("skills", "select name from skill where mentor_id = $1", 520, 0.1, 52, 900, 0.3)
READS = {"list": Reads(frozenset({"public.mentor"}), False), "skills": Reads(frozenset({"public.skill"}), True)}


def repeated(*statements: Statement, links: frozenset[tuple[str, str]] = LINKS) -> dict[str, str]:
    marked = repetition.mark(statements, READS, links, Options())
    return {each.id: each.repetition.parent for each in marked if each.repetition}


def test_a_lookup_for_each_row_of_a_list_is_repeated() -> None:
    assert repeated(LIST, SKILLS) == {"skills": "list"}


@pytest.mark.parametrize(
    ("skills", "links"),
    [
        (replace(SKILLS, calls=100), LINKS),  # Once for each list: a prefetch.
        (replace(SKILLS, calls=5000), LINKS),  # Far oftener than rows: somebody else asks.
        (replace(SKILLS, mean_ms=30.0), LINKS),  # Not a lookup.
        (replace(SKILLS, text="insert into skill values ($1)"), LINKS),
        (SKILLS, frozenset({("public.skill", "public.shop")})),  # Nothing refers.
    ],
)
def test_other_statements_are_not_repeated(skills: Statement, links: frozenset[tuple[str, str]]) -> None:
    assert repeated(LIST, skills, links=links) == {}


def test_many_quick_calls_for_each_request_are_a_repetition_without_a_parent() -> None:
    often = replace(SKILLS, id="other", calls_per_request=14.0)

    assert repeated(often) == {"other": ""}
    assert repeated(replace(often, calls_per_request=9.0)) == {}


def test_a_lookup_is_told_by_its_constant() -> None:
    assert [
        repetition.reads(scan(each)).lookup for each in ("(b.id = $1)", "((b.id)::text = $2)", "(b.id = c.id)")
    ] == [True, True, False]


# ---------------------------------------------------------------- readings


def reading(at: float, **counts: Count) -> Reading:
    return Reading(at, 1000.0, counts, {})


def test_between_two_readings_only_what_ran_counts() -> None:
    first = reading(10, a=Count("a", 5, 50, 5), b=Count("b", 7, 70, 7), c=Count("c", 9, 90, 9))
    second = reading(70, a=Count("a", 8, 56, 9), b=Count("b", 7, 70, 7), c=Count("c", 2, 20, 2), d=Count("d", 1, 10, 0))
    found = readings.between(first, second)

    # c was reset in between.
    assert found.counts == {"a": Count("a", 3, 6, 4), "c": Count("c", 2, 20, 2), "d": Count("d", 1, 10, 0)}
    assert found.seconds == 60


def test_statements_come_by_time_with_their_share_and_calls_per_request() -> None:
    found = readings.statements(
        reading(0, a=Count("select a", 300, 25.0, 1), b=Count("select b", 3, 75.0, 1), c=Count("BEGIN", 900, 0.1, 0)),
        Requests(100, 60.0),
        10,
    )

    assert [(each.id, each.calls_per_request, round(each.share, 2)) for each in found] == [
        ("b", 0.03, 0.75),
        ("a", 3.0, 0.25),
    ]


# ---------------------------------------------------------------- health


def session(pid: int, *blockers: int, lock: str = "") -> Session:
    return Session(pid, blockers, "app", "active", "", lock, "booking", 4.0, "update booking set note = 'secret'")


def test_waiters_stand_under_whom_they_wait_for() -> None:
    found = health.tree([session(3, 2), session(1), session(2, 1), session(4, 1)])

    assert [(each.pid, each.blocked_by, each.depth) for each in found.waiters] == [
        (1, None, 0),
        (2, 1, 1),
        (3, 2, 2),
        (4, 1, 1),
    ]
    assert (found.blocked, found.waiters[0].activity) == (3, "update booking set note = '?'")


@given(
    st.lists(
        st.tuples(st.integers(1, 9), st.lists(st.integers(1, 9), max_size=3)),
        max_size=9,
        unique_by=lambda each: each[0],
    )
)
def test_every_session_is_in_the_tree_once_even_in_a_circle(edges: list[tuple[int, list[int]]]) -> None:
    found = health.tree([session(pid, *blockers) for pid, blockers in edges])

    assert sorted(each.pid for each in found.waiters) == sorted(pid for pid, _ in edges)


def existing(name: str, *columns: str, **more: object) -> ExistingIndex:
    plain = ExistingIndex("booking", name, 2 * 1024 * 1024, True, False, 5, "btree", columns, "", False)
    return replace(plain, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("indexes", "wanted"),
    [
        ([existing("a", "1"), existing("b", "1")], {"b": "duplicate"}),
        ([existing("a", "1"), existing("b", "1", serves=True)], {"a": "duplicate"}),
        ([existing("a", "1"), existing("b", "1", "2")], {"a": "redundant"}),
        ([existing("a", "1", serves=True), existing("b", "1", "2")], {}),
        ([existing("a", "1", more="(x > 1)"), existing("b", "1", "2")], {}),
        ([existing("a", "2"), existing("b", "1", "2")], {}),
        ([existing("a", "1", scans=0)], {"a": "unused"}),
        ([existing("a", "1", scans=0, bytes=8192)], {}),
        ([existing("a", "1", valid=False)], {"a": "invalid"}),
        ([existing("a", "1", method="gin"), existing("b", "1", "2", method="gin")], {}),
    ],
)
def test_an_index_that_is_not_needed_is_told(indexes: list[ExistingIndex], wanted: dict[str, str]) -> None:
    assert {each.index: each.kind for each in health.judge(indexes, 24.0 * 30)} == wanted


@pytest.mark.parametrize("hours", [None, 24.0])
def test_no_index_is_unused_before_a_week_is_known(hours: float | None) -> None:
    assert list(health.judge([existing("a", "1", scans=0)], hours)) == []


# ---------------------------------------------------------------- sizes


def test_a_b_tree_of_a_million_keys_is_as_large_as_postgresql_makes_it() -> None:
    # pgbench_accounts_pkey at scale 10: 2745 pages, height 2.
    made = sizes.btree(1_000_000, [KeyColumn(4, 4)], 1_000_000)

    assert made.pages == pytest.approx(2745, abs=3)
    assert made.height == 2


@given(st.integers(0, 10**8), st.integers(1, 200), st.floats(1, 1e8))
def test_sharing_keys_never_makes_a_b_tree_larger(rows: int, width: int, distinct: float) -> None:
    columns = [KeyColumn(width, 4)]
    shared = sizes.btree(rows, columns, distinct)

    assert shared.pages <= sizes.btree(rows, columns, distinct, shares_keys=False).pages * 1.01 + 1
    assert 0 <= shared.height < 12


# ---------------------------------------------------------------- words


def test_a_partitioned_tables_index_is_built_a_partition_at_a_time() -> None:
    leaves = tuple(Relation("public", f"booking_{year}", "r", "heap", 1, 1, 0, 1) for year in (2025, 2026))
    candidate = Candidate(BOOKING, (Key("mentor_id", "mentor_id"),), include=("Odd Name",), predicate="done_at is null")
    plain = ddl.build(candidate, table())
    parts = ddl.build(candidate, replace(table(), partitioned=True, leaves=leaves)).splitlines()

    assert plain == (
        "create index concurrently booking_mentor_id_partial_idx on public.booking (mentor_id) "
        'include ("Odd Name") where done_at is null;'
    )
    assert len(parts) == 5 and all("concurrently" in part for part in parts[1::2])
    assert (
        parts[2]
        == "alter index public.booking_mentor_id_partial_idx attach partition public.booking_mentor_id_partial_idx_1;"
    )


def test_an_advice_is_json_with_its_fields_as_keys() -> None:
    empty = Health(CacheHit(None, 0.99), Connections(3, 1, 2, 0, 20), (), (), (), (), 0.1)
    advice = DatabaseAdvice("shop", 170_004, 60.0, None, (LIST,), (), Locks(), empty)
    found = json.loads(advice.to_json())

    assert (found["statements"][0]["id"], found["health"]["connections"]["limit"]) == ("list", 20)
