"""Do the differences of two pictures say what is to be done, without a database?"""

from __future__ import annotations

from dataclasses import replace

from psycopg import sql

from offramp.pump import changes, rules, things
from offramp.pump.picture import Column, Constraint, Index, Picture, Thing


def column(number: int, name: str, type_: str = "integer", **more: object) -> Column:
    plain = Column(number, name, type_, 23, None, False, None, "", "", None, False, None)
    return replace(plain, **more)  # type: ignore[arg-type]  # Field names of the dataclass.


def table(*columns: Column, **more: object) -> Picture:
    plain = Picture(
        1, "public", "thing", "r", "p", 10, False, None, None, (), (), False, False, columns, (), (), ()
    )  # fmt: skip
    return replace(plain, **more)  # type: ignore[arg-type]  # Field names of the dataclass.


def said(carry: changes.Carry) -> list[str]:
    return [change.statement.as_string() for change in carry.changes]


OLD = table(column(1, "id"), column(2, "a", "text"))


def test_nothing_is_done_where_nothing_changed() -> None:
    carry = changes.carry(OLD, OLD, OLD, keyed=True)

    assert (carry.changes, carry.reload, carry.base) == ((), None, OLD)


def test_a_constant_default_is_added_as_the_value_that_older_rows_have() -> None:
    new = replace(
        OLD,
        columns=(
            *OLD.columns,
            column(3, "at", "date", has_missing=True, missing="2026-01-02", default="now()", not_null=True),
        ),
    )
    carry = changes.carry(OLD, new, OLD, keyed=True)

    assert said(carry) == [
        """alter table "public"."thing" add column "at" date default '2026-01-02'::date not null""",
        """alter table "public"."thing" alter column "at" set default now()""",
    ]
    assert carry.reload is None


def test_a_column_that_came_with_a_rewrite_is_read_again_and_nullable_one_is_not() -> None:
    added = replace(OLD, columns=(*OLD.columns, column(3, "token", "uuid", default="gen_random_uuid()")))

    assert changes.carry(OLD, added, OLD, keyed=True).reload is None
    assert changes.carry(OLD, replace(added, filenode=11), OLD, keyed=True).reload is not None
    assert changes.carry(OLD, added, OLD, keyed=False).reload is not None


def test_swapped_names_take_a_detour() -> None:
    new = replace(OLD, columns=(column(1, "a"), column(2, "id", "text")))

    assert said(changes.carry(OLD, new, OLD, keyed=True)) == [
        'alter table "public"."thing" rename column "id" to "offramp_renamed_0"',
        'alter table "public"."thing" rename column "a" to "offramp_renamed_1"',
        'alter table "public"."thing" rename column "offramp_renamed_0" to "a"',
        'alter table "public"."thing" rename column "offramp_renamed_1" to "id"',
    ]


def test_what_the_receiver_has_already_is_left_alone() -> None:
    new = replace(OLD, columns=(column(1, "key"), column(3, "b")), name="other")
    there = replace(new, columns=(column(7, "key"), column(9, "b")))

    assert said(changes.carry(OLD, new, there, keyed=True)) == []


def test_a_dropped_column_goes_before_another_takes_its_name() -> None:
    new = replace(OLD, columns=(column(2, "id", "text"),))

    assert said(changes.carry(OLD, new, OLD, keyed=True)) == [
        'alter table "public"."thing" drop column "id"',
        'alter table "public"."thing" rename column "a" to "id"',
    ]


def test_a_changed_type_has_a_form_for_an_emptied_table() -> None:
    new = replace(OLD, columns=(column(1, "id", "bigint"), OLD.columns[1]), filenode=12)
    (change,) = changes.carry(OLD, new, OLD, keyed=True).changes

    assert change.statement.as_string().endswith('type bigint using "id"::bigint')
    assert change.instead is not None and change.instead.as_string().endswith("using null::bigint")


def test_rules_wait_and_are_put_on_one_by_one() -> None:
    check = Constraint(5, "positive", "c", "CHECK ((id > 0))", True, 0)
    index = Index(6, "thing_a", "CREATE INDEX thing_a ON public.thing USING btree (a)", False, True)
    new = replace(
        OLD, columns=(replace(OLD.columns[0], not_null=True), OLD.columns[1]), constraints=(check,), indexes=(index,)
    )
    base = changes.base(OLD, new)
    done: list[str] = []
    while todo := rules.outstanding(base, new):
        done.append(todo[0].what)
        base = rules.put_on(base, new, todo[0])

    assert done == [
        "column id not null",
        "constraint positive added",
        "index thing_a built",
        "constraint positive validated",
    ]
    assert base == new


def test_a_constraint_made_anew_by_a_change_of_type_is_the_same_and_a_foreign_key_is_not() -> None:
    unique = Constraint(5, "u", "u", "UNIQUE (a)", True, 7)
    foreign = Constraint(6, "f", "f", "FOREIGN KEY (a) REFERENCES public.t(a)", True, 8)
    new = replace(OLD, constraints=(replace(unique, oid=15), replace(foreign, oid=16)))

    retyped = replace(new, columns=(column(1, "id", "bigint"), *new.columns[1:]))

    assert changes.survivor(unique, OLD, retyped) == new.constraints[0]
    assert changes.survivor(foreign, OLD, retyped) is None
    # A database that became the primary again has its foreign keys anew; the other side kept them.
    assert changes.survivor(foreign, OLD, new) == new.constraints[1]


def test_a_constraint_under_the_name_of_one_that_is_no_more_replaces_it() -> None:
    before = replace(OLD, constraints=(Constraint(5, "positive", "c", "CHECK (a > 0)", True, 0),))
    after = replace(OLD, constraints=(Constraint(15, "positive", "c", "CHECK (a > 1)", True, 0),))

    added, validated = rules.outstanding(before, after)
    # The receiver still has the old one, which must not be taken for the new one.
    assert not rules.stands(added, after, before)
    assert isinstance(added.statement, sql.Composed)
    assert added.statement.as_string() == (
        'alter table "public"."thing" drop constraint if exists "positive"; '
        'alter table "public"."thing" add constraint "positive" CHECK (a > 1) not valid'
    )
    assert rules.put_on(rules.put_on(before, after, added), after, validated) == after
    (off,) = changes.taken_off(before, after, before, foreign=False)
    assert off.what == "constraint positive dropped"
    twice = replace(before, constraints=(*before.constraints, replace(before.constraints[0], oid=6)))
    assert len(changes.taken_off(twice, after, before, foreign=False)) == 1


def thing(kind: str, oid: int, name: str, definition: str = "", parts: tuple[object, ...] = ()) -> Thing:
    return Thing(kind, oid, "public", name, "", definition, parts)


def test_labels_are_renamed_and_added_in_their_place() -> None:
    old = thing("enum", 1, "mood", parts=([10, "sad"], [11, "glad"]))
    new = thing("enum", 1, "mood", parts=([10, "low"], [12, "fine"], [11, "glad"]))
    steps = things.steps((old,), (new,), (old,))

    assert [step.statement.as_string() for step in steps if step.statement] == [
        """alter type "public"."mood" rename value 'sad' to 'low'""",
        """alter type "public"."mood" add value if not exists 'fine' after 'low'""",
    ]


def test_a_type_made_anew_puts_the_old_one_aside_until_nothing_uses_it() -> None:
    old, new = thing("enum", 1, "size", "create old"), thing("enum", 2, "size", "create new")
    steps = things.steps((old,), (new,), (old,))

    assert [(step.when, step.statement.as_string()) for step in steps if step.statement] == [
        ("renames", 'alter type "public"."size" rename to "offramp_old_1"'),
        ("before tables", "create new"),
        ("types off", 'drop type "public"."offramp_old_1"'),
    ]


def test_views_go_first_and_come_last() -> None:
    old, new = thing("view", 1, "v", "select 1", (True, "", [])), thing("view", 2, "v", "select 2", (True, "", []))

    assert [step.when for step in things.steps((old,), (new,), (old,))] == ["views off", "after tables"]
