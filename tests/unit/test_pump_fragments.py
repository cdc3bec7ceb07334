"""Do the pump's SQL fragments, filters and orders say what they should, without a database?"""

from __future__ import annotations

import doctest

import pytest

from offramp.postgres import Column, KeyColumn, Table
from offramp.pump import archive, copying, differing, functions, logs, roles, schema, sequences, shape, standby
from offramp.pump.sequences import Sequence


def column(name: str, type_: str = "integer", **more: str) -> Column:
    return Column(name, type_, more.get("base", type_), True, more.get("identity", ""), more.get("generated", ""))


def table(
    *columns: Column, key: tuple[str, ...] = (), schema_: str = "public", operator_schema: str = "pg_catalog"
) -> Table:
    return Table(
        7, schema_, "t", "r", "p", False, False, 10, "app", columns,
        tuple(KeyColumn(name, operator_schema, "=") for name in key), 1, 1, None,
    )  # fmt: skip


@pytest.mark.parametrize("module", [archive, copying, logs, roles, sequences, standby])
def test_the_examples_in_docstrings_hold(module: object) -> None:
    tried = doctest.testmod(module)  # type: ignore[arg-type]

    assert tried.failed == 0
    assert tried.attempted > 0


def texts(of: Table) -> str:
    """The text of the functions, comments and quotes around plain names left out."""
    text = functions.function_texts(of, 3, 7, by_row=False).as_string(None).replace('"', "")
    return "\n".join(line for line in text.splitlines() if not line.startswith("--"))


def test_a_key_in_first_place_needs_no_padding() -> None:
    text = texts(table(column("id"), column("a"), key=("id",)))

    assert "null::" not in text
    assert "as n(offramp_1)" in text
    assert "offramp.log_7" in text


def test_a_key_in_a_later_place_is_padded_so_that_drops_leave_enough_columns() -> None:
    text = texts(table(column("a"), column("b"), column("id"), key=("id",)))

    assert "r.*, null::pg_catalog.text, null::pg_catalog.text, null::pg_catalog.text from" in text
    assert "n.offramp_3::pg_catalog.text" in text
    assert "id" not in text.replace("void", "").split()


def test_capture_names_no_column_of_the_table() -> None:
    for key in (("secret_a",), ()):
        assert "secret" not in texts(table(column("secret_a"), column("secret_b"), key=key))


def test_capture_leaves_no_name_to_the_search_path() -> None:
    """C44: the functions run with the application's search_path, which may shadow anything."""
    text = texts(table(column("id"), column("b", "text"), key=("id", "b")))

    assert "search_path" not in text
    for word in ("pg_current_xact_id", "array_agg", "row_number", "hashtextextended", "sum("):
        assert text.count(word) == text.count(f"pg_catalog.{word}")


def test_a_key_that_prints_by_session_settings_is_captured_under_pinned_ones() -> None:
    steady = texts(table(column("id", "uuid"), key=("id",)))
    moody = texts(table(column("id", "timestamp with time zone"), key=("id",)))

    assert "datestyle" not in steady
    assert "set datestyle = 'ISO, YMD'" in moody


def test_keys_are_matched_with_the_operator_of_their_own_type() -> None:
    text = shape.match(table(column("k", "public.citext"), key=("k",), operator_schema="public"), "t", "s").as_string(
        None
    )

    assert text == '"t"."k" operator("public".=) "s"."offramp_k1"'


def test_generated_columns_are_compared_but_never_written() -> None:
    made = table(column("id"), column("slug", generated="s"), key=("id",))

    assert [c.name for c in shape.stored(made)] == ["id"]
    assert "slug" in shape.image(made, "t").as_string(None)


def test_differences_of_shape_are_said_in_plain_words() -> None:
    here = table(column("id"), column("new", "text"), column("n", "bigint"))
    there = table(column("id"), column("n"), column("old"))

    assert shape.differences(here, there) == (
        "column new (text) is missing on the receiving side",
        "column n is bigint here and integer on the receiving side",
        "column old exists on the receiving side only",
    )
    assert shape.differences(here, here) == ()


def test_our_own_objects_and_those_made_already_are_left_out_of_the_dump() -> None:
    entries = schema.parse_contents(
        "; heading\n1; 2620 55 TRIGGER public t offramp_insert app\n2; 2620 56 TRIGGER public t audit app\n"
        "3; 2606 70 CONSTRAINT public t t_pkey app\n4; 2606 71 FK CONSTRAINT public t t_fk app\n"
        "5; 3079 9 EXTENSION - citext \n6; 2615 2200 SCHEMA - public app\n7; 2615 9999 SCHEMA - public_api app\n"
    )
    keep = schema.carried([55], [(schema.CONSTRAINTS, 70)])

    assert [entry.what for entry in entries if keep(entry)] == [
        "TRIGGER public t audit app", "FK CONSTRAINT public t t_fk app", "SCHEMA - public_api app",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("here", "there", "moves"),
    [
        ((1, 5, True), (1, 4, True), True), ((1, 5, False), (1, 4, True), False), ((1, 1, True), (1, 1, False), True),
        ((1, 1, False), (1, 1, False), False), ((-1, -5, True), (-1, -9, True), False), ((10, 21, True), (10, 31, False), False),
    ],
)  # fmt: skip
def test_a_sequence_moves_only_forwards(here: tuple[int, int, bool], there: tuple[int, int, bool], moves: bool) -> None:
    def sequence(increment: int, last: int, called: bool) -> Sequence:
        return Sequence("s", "q", increment, False, last, called)

    assert sequence(*here).ahead_of(sequence(*there)) is moves


def test_equal_rows_without_a_key_are_counted() -> None:
    found = differing.compare_bare(table(column("a")), {"x" * 32: 3, "y" * 32: 1}, {"x" * 32: 1, "z" * 32: 1})

    assert [(d.key, d.kind) for d in found] == [
        ("2 x row xxxxxxxxxxxx", "missing"), ("1 x row yyyyyyyyyyyy", "missing"), ("1 x row zzzzzzzzzzzz", "extra"),
    ]  # fmt: skip
