"""Do places, standings, speeds, metrics and words of a move alone say what they should, without a database?"""

from __future__ import annotations

import doctest
import importlib
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from offramp.cli import pump as commands
from offramp.cli import pump_live, pump_options, pump_words
from offramp.errors import RefusedError, UnreachableError, UsageError
from offramp.pump import metrics
from offramp.pump.model import Direction, Event, Link, LinkStatus, Phase, SwitchRecord, TableState, TableStatus
from offramp.pump.observing import Seen
from offramp.pump.places import Place, place
from offramp.pump.progress import Speedometer
from offramp.pump.standalone import Pair
from offramp.pump.standing import Standing, judged

REFERENCE = (Path(__file__).parents[2] / "docs" / "reference" / "commands.md").read_text()
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("name", ["metrics", "places", "progress", "standing", "status"])
def test_the_examples_in_docstrings_hold(name: str) -> None:
    tried = doctest.testmod(importlib.import_module(f"offramp.pump.{name}"))

    assert tried.failed == 0
    assert tried.attempted > 0


@pytest.mark.parametrize("name", sorted(commands.pump.commands))
def test_every_command_of_the_group_and_every_option_is_in_the_reference(name: str) -> None:
    command = commands.pump.commands[name]

    assert f"`offramp pump {name}" in REFERENCE
    assert command.short_help
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert f"`{parameter.opts[0]}" in REFERENCE


def table(name: str, state: TableState, rows: int, of: int, because: str | None = None) -> TableStatus:
    return TableStatus(name, state, rows, of, because, bytes_copied=rows * 100)


def link(phase: Phase, *tables: TableStatus, direction: Direction = "forward") -> LinkStatus:
    return LinkStatus(
        link=Link("main", direction, 0), phase=phase, tables=tables, lag_seconds=0.25, lag_p99_ms=80.0, batches=7,
        rows_applied=1, verified_share=0.5, verified_age_seconds=3.0, differences=0, repaired=0, position="1:1:",
        beat_age_seconds=0.5, server="1/1",
    )  # fmt: skip


def test_a_url_is_taken_as_it_is() -> None:
    found = place("source", "postgres://u@h:5/d?sslmode=require", None, {})

    assert found.ask().reveal() == "postgres://u@h:5/d?sslmode=require"
    assert (found.word, found.advice) == ("postgres://u@h:5/d?sslmode=require", "")


@pytest.mark.parametrize("given", ["postgres://u:p@h/d", "host=h user=u password=p dbname=d"])
def test_a_password_in_an_argument_is_advised_against_and_never_repeated(given: str) -> None:
    found = place("target", given, None, {})

    assert found.word is None
    assert "OFFRAMP_TARGET_URL" in found.advice
    assert found.shown in ("postgres://u@h/d", "postgresql://u@h/d")


def test_a_service_is_read_from_the_persons_file_before_the_machines(tmp_path: Path) -> None:
    own, system = tmp_path / "own", tmp_path / "system"
    system.mkdir()
    own.write_text("# mine\n[shop]\nhost=own.example\ndbname=shop\n")
    (system / "pg_service.conf").write_text("[shop]\nhost=system.example\n[other]\nhost=other.example\nport=6\n")
    environ = {"PGSERVICEFILE": str(own), "PGSYSCONFDIR": str(system)}

    assert place("source", "shop", None, environ).ask().reveal() == "postgresql://own.example/shop"
    assert place("source", "service=other", None, environ).ask().reveal() == "postgresql://other.example:6/"
    assert place("source", "postgres:///x?service=other", None, environ).ask().reveal() == (
        "postgresql://other.example:6/x"
    )


def test_several_hosts_stay_in_order() -> None:
    found = place("source", "postgres://u:p@a:1,b:2/d", None, {})

    assert found.ask().reveal() == "postgresql:///d?user=u&password=p&host=a%2Cb&port=1%2C2"
    assert "p" not in found.shown.removeprefix("postgresql:")


def test_an_unknown_service_is_a_usage_error_that_says_where_services_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no service named shop") as refused:
        place("source", "shop", None, {"HOME": str(tmp_path)})

    assert str(tmp_path) in refused.value.hint


@pytest.mark.parametrize(
    "given", ["mysql://u:hidden@h/d", "postgres://u:hidden@h:port:1/d", "password=hidden nonsense"]
)
def test_a_malformed_place_is_refused_without_repeating_it(given: str) -> None:
    with pytest.raises(UsageError) as refused:
        place("source", given, None, {}).ask()

    assert "hidden" not in str(refused.value)


def test_a_command_is_run_afresh_each_time(tmp_path: Path) -> None:
    tally = tmp_path / "tally"
    found = place("source", None, f"echo x >> {tally}; echo postgres://u@h/d", {})
    urls = {found.ask().reveal() for _ in range(3)}

    assert urls == {"postgres://u@h/d"}
    assert tally.read_text() == "x\nx\nx\n"


def test_a_command_that_fails_is_reported_without_its_words() -> None:
    with pytest.raises(UnreachableError, match="ended with status 3") as failed:
        place("source", None, "echo postgres://u:hidden@h/d; exit 3", {}).ask()

    assert "hidden" not in str(failed.value)


def test_the_environment_names_what_the_arguments_leave_out() -> None:
    found = place("target", None, None, {"OFFRAMP_TARGET_URL": "postgres://u:p@h/d"})

    assert found.ask().reveal() == "postgres://u:p@h/d"
    assert (found.word, found.advice) == (None, "")


def test_naming_a_side_twice_or_not_at_all_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="twice"):
        place("source", "postgres://h/d", "echo", {})
    with pytest.raises(UsageError, match="Nothing says where the source"):
        place("source", None, None, {})


def test_the_next_command_names_the_same_databases_again() -> None:
    def pair(source: Place, name: str = "main") -> Pair:
        return Pair(name, source, place("target", "postgres://u@h/d", None, {}))

    plain = place("source", "postgres://u@h/old", None, {})
    hidden = place("source", "postgres://u:p@h/old", None, {})
    asked = place("source", None, "cat url", {})

    assert pump_options.following("status", pair(plain)) == ("pump", "status", "postgres://u@h/old", "postgres://u@h/d")
    assert pump_options.following("start", pair(hidden, "shop")) == (
        "pump", "start", "SRC", "postgres://u@h/d", "--name", "shop",
    )  # fmt: skip
    assert pump_options.following("back", pair(asked))[2:4] == ("--source-command", "cat url")


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (None, Standing("main", "forward", 0)),
        (("forward", 1, "open"), Standing("main", "forward", 0, opened_at=AT)),
        (("forward", 1, "committed"), Standing("main", "reverse", 1, committed_at=AT)),
        (("reverse", 2, "open"), Standing("main", "reverse", 1, opened_at=AT)),
        (("reverse", 2, "committed"), Standing("main", "forward", 2, committed_at=AT)),
    ],
)
def test_what_was_committed_last_says_who_is_primary(
    record: tuple[Direction, int, str] | None, expected: Standing
) -> None:
    made = None
    if record is not None:
        direction, epoch, state = record
        made = SwitchRecord("main", "main", epoch, direction, "open" if state == "open" else "committed", AT)

    assert judged(made, "main") == expected


def test_the_record_of_another_move_is_refused() -> None:
    with pytest.raises(RefusedError, match="belongs to the move wave-1"):
        judged(SwitchRecord("wave-1", "wave-1", 1, "forward", "committed", AT), "main")


def test_speed_is_that_of_the_last_seconds() -> None:
    meter = Speedometer()
    for second in range(30):
        rows = second * 10 if second < 15 else 150 + (second - 15) * 100
        meter.see(link("copy", table("public.t", "copy", rows, 10_000)), float(second))
    speed = meter.total(link("copy", table("public.t", "copy", 1550, 10_000)))

    assert speed.rows_per_second == pytest.approx(100)
    assert speed.bytes_per_second == pytest.approx(10_000)
    assert speed.eta_seconds == pytest.approx(84.5)


def test_a_table_that_is_read_again_does_not_go_backwards() -> None:
    meter = Speedometer()
    meter.see(link("copy", table("public.t", "copy", 500, 1000)), 0.0)
    meter.see(link("copy", table("public.t", "copy", 0, 1000)), 1.0)

    assert meter.of(table("public.t", "copy", 0, 1000)).rows_per_second == 0


def test_metrics_name_every_phase_and_table() -> None:
    seen = Seen(Standing("main", "forward", 0), link("live", table('public.Odd "t"', "paused", 5, 9)), 0.0)
    page = metrics.page(seen)

    assert 'offramp_link_phase{link="main",direction="forward",phase="live"} 1\n' in page
    assert 'offramp_link_phase{link="main",direction="forward",phase="copy"} 0\n' in page
    assert 'offramp_table_held{link="main",direction="forward",table="public.Odd \\"t\\""} 1\n' in page
    assert 'offramp_link_lag_p99_seconds{link="main",direction="forward"} 0.08\n' in page


def test_metrics_of_a_link_that_has_not_begun_say_that_it_is_down() -> None:
    assert metrics.page(None).endswith("offramp_link_up 0\n")


@pytest.mark.parametrize("given", ["9187", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:99999"])
def test_a_malformed_metrics_address_is_a_usage_error(given: str) -> None:
    with pytest.raises(UsageError, match="--metrics cannot be"):
        metrics.address(given)


@pytest.mark.parametrize(
    ("text", "expected"), [("1000000", 1_000_000), ("20MB", 20 << 20), ("512k", 512 << 10), ("1.5 GB/s", 3 << 29)]
)
def test_byte_counts_are_read_as_postgresql_reads_them(text: str, expected: int) -> None:
    assert pump_options.ByteCount().convert(text, None, None) == expected


@pytest.mark.parametrize("text", ["", "fast", "0", "20 parsecs"])
def test_a_malformed_byte_count_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        pump_options.ByteCount().convert(text, None, None)


def test_lines_repeat_nothing_within_ten_seconds_and_tell_the_phase_at_once() -> None:
    said: list[str] = []
    now = [0.0]
    seen = [Seen(Standing("main", "forward", 0), link("copy", table("public.t", "copy", 5, 10)), 0.0)]
    lines = pump_live.Lines(lambda: seen[0], said.append, lambda: now[0])
    for _ in range(3):
        lines.hear(Event("link interrupted", {"because": "the server is starting up"}))
        lines.tick()
    now[0] = 11.0
    lines.hear(Event("link interrupted", {"because": "the server is starting up"}))
    seen[0] = Seen(Standing("main", "forward", 0), link("live", table("public.t", "live", 10, 10)), 11.0)
    lines.tick()

    assert said == [
        "link interrupted: the server is starting up",
        "copy: 5 of 10 rows (50%)",
        "link interrupted: the server is starting up",
        "live: 0.25 s behind, 1 row applied, 50% verified, 0 differences",
    ]


def test_a_held_table_comes_first_with_its_reason_and_its_remedy() -> None:
    held = TableStatus("public.z", "paused", 5, 9, "Rejected: a reason", remedy="Mend it.")
    lines = list(pump_words.tables(link("paused", table("public.a", "live", 5, 5), held)))

    assert [line.strip() for line in lines[1:3]] == ["Rejected: a reason", "Mend it."]
    assert lines[0].startswith("  public.z")
