"""Does the store say what its lines say, once, whatever form they were saved in and whatever else was in the file?"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from telemetry_lines import L10, framed, message, request_id, routed, router

from offramp.errors import UsageError
from offramp.telemetry.gathering import Gathering
from offramp.telemetry.model import MetricKind
from offramp.telemetry.segments import Record, encode
from offramp.telemetry.store import Store

NOW = 1_791_200_000.0
AT = 1_791_194_400_000_000  # 2026-10-05T10:00:00Z


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "logs") as opened:
        yield opened


def take(
    store: Store, tmp_path: Path, content: bytes, name: str = "saved.log", app: str | None = "kiosk"
) -> dict[str, int]:
    path = tmp_path / name
    path.write_bytes(content)
    (done,) = store.take([path], now=NOW, app=app, workers=1)
    return {defect.name: defect.count for defect in done.defects}


def test_router_lines_leave_as_arrays_by_time(store: Store, tmp_path: Path) -> None:
    late, early = "2026-10-05T10:00:02.000001+00:00", "2026-10-05T10:00:01.000000+00:00"
    take(store, tmp_path, framed(
        router(1, at=late, path="/people/7", service="412ms"),
        router(2, at=early, method="POST", status="503", service="", dyno="", sent="", head='at=error code=H10 desc="App crashed"'),
    ))  # fmt: skip

    found = store.router("kiosk")

    assert found.completed_us.tolist() == [AT + 1_000_000, AT + 2_000_001]
    assert (
        found.service_ms.tolist(),
        found.status.tolist(),
        found.sent_bytes.tolist(),
    ) == ([-1, 412], [503, 200], [-1, 512])
    assert [found.dynos[number] for number in found.dyno] == ["", "web.1"]
    assert [found.routes[number] for number in found.route] == ["POST /", "GET /people/{id}"]
    assert [found.codes[number] for number in found.code] == ["H10", ""]
    kinds = [str(column.dtype) for column in (found.completed_us, found.service_ms, found.status)]
    assert kinds == ["int64", "int32", "int16"]


def test_a_window_of_time_holds_its_beginning_and_not_its_end(store: Store, tmp_path: Path) -> None:
    take(
        store, tmp_path, framed(*(router(second, at=f"2026-10-05T10:00:0{second}.000000+00:00") for second in range(4)))
    )

    found = store.router("kiosk", since=AT / 1e6 + 1, until=AT / 1e6 + 3)

    assert found.completed_us.tolist() == [AT + 1_000_000, AT + 2_000_000]


def test_an_app_without_lines_has_empty_arrays(store: Store) -> None:
    assert len(store.router("nobody")) == 0
    assert len(store.samples("nobody", MetricKind.DYNO)) == 0
    assert store.apps() == ()


LINE = "2026-10-05T10:00:00.000000+00:00"


@pytest.mark.parametrize(
    ("form", "content"),
    [
        ("logplex", framed(router(1), message("hello"))),
        ("heroku", f"{LINE} heroku[router]: {routed(1)}\n{LINE} app[web.1]: hello\n".encode()),
        ("heroku", f"{LINE} \x1b[36mheroku[router]:\x1b[0m {routed(1)}\r\n{LINE} app[web.1]: hello\r\n".encode()),
        ("papertrail-tsv", "".join(
            f"1\t2026-10-05T10:00:00Z\t2026-10-05T10:00:01Z\t7\tkiosk\t192.0.2.1\tLocal7\tInfo\t{program}\t{text}\n"
            for program, text in (("heroku/router", routed(1)), ("app/web.1", "hello"))).encode()),
        ("papertrail", f"Oct 05 10:00:00 kiosk heroku/router: {routed(1)}\nOct 05 10:00:00 kiosk app/web.1: hello\n".encode()),
        ("syslog", f"{router(1)}\n{message('hello')}\n".encode()),
        ("requests", b"POST /d HTTP/1.1\r\nLogplex-Drain-Token: d.1\r\nLogplex-Frame-Id: A\r\nContent-Length: %d\r\n\r\n%s\n" % (
            len(framed(router(1), message("hello"))), framed(router(1), message("hello"))) * 2),
    ],
    ids=("logplex", "heroku", "colours", "papertrail-tsv", "papertrail", "syslog", "requests"),
)  # fmt: skip
@pytest.mark.parametrize("packed", [False, True], ids=("plain", "gzip"))
def test_every_saved_form_gives_the_same_lines(
    store: Store, tmp_path: Path, form: str, content: bytes, packed: bool
) -> None:
    path = tmp_path / "kiosk.log"
    path.write_bytes(gzip.compress(content) if packed else content)

    (done,) = store.take([path], now=NOW, app="kiosk", workers=1)

    assert (form, 2, ()) == (done.form, done.lines, done.defects)
    assert store.router("kiosk").service_ms.tolist() == [20]
    assert [line.text for line in store.lines() if line.kind == "app"] == ["hello"]


def test_the_app_is_told_by_its_host_where_nobody_names_it(store: Store, tmp_path: Path) -> None:
    take(store, tmp_path, framed(router(1)), app=None)

    assert store.apps() == ("kiosk",)


def test_a_file_is_taken_once(store: Store, tmp_path: Path) -> None:
    take(store, tmp_path, framed(router(1)))

    (again,) = store.take([tmp_path / "saved.log"], now=NOW, app="kiosk", workers=1)

    assert again.already
    assert len(store.router("kiosk")) == 1


def test_a_file_that_is_no_log_is_refused_with_its_name(store: Store, tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))

    with pytest.raises(UsageError, match=r"cat\.png"):
        store.take([tmp_path / "cat.png"], now=NOW, workers=1)


def test_a_program_is_no_log_though_some_of_it_looks_like_one(store: Store, tmp_path: Path) -> None:
    noise = bytes(range(256)) + b"\t" * 20 + b"\n"
    (tmp_path / "program").write_bytes(noise * 300 + b"2026-10-05T10:00:00+00:00 app[web.1]: hello\n")

    with pytest.raises(UsageError, match="program"):
        store.take([tmp_path / "program"], now=NOW, workers=1)


def test_a_line_that_is_shown_cannot_steer_the_terminal(store: Store, tmp_path: Path) -> None:
    take(store, tmp_path, framed(message("\x1b]0;title\x07\x1b[2J gone\r\nfake line")))

    assert str(store.lines()[0]).endswith("\ufffd]0;title\ufffd\ufffd[2J gone\ufffd\ufffdfake line")


def test_figures_of_each_kind_are_series(store: Store, tmp_path: Path) -> None:
    take(store, tmp_path, framed(
        message("source=web.1 dyno=heroku.1.x sample#memory_rss=471.50MB sample#load_avg_1m=2.5", source="heroku"),
        message("source=web.2 dyno=heroku.1.y sample#memory_rss=1.00MB", source="heroku", process="web.2"),
        message("source=DATABASE addon=postgresql-a sample#active-connections=87", process="heroku-postgres", at="2026-10-05T10:00:00+00:00"),
    ))  # fmt: skip

    dynos, postgres = store.samples("kiosk", MetricKind.DYNO), store.samples("kiosk", MetricKind.POSTGRES)

    assert dynos.sources == ("web.1", "web.2")
    assert dynos.series("web.1", "memory_rss")[1].tolist() == [471.5 * 1024 * 1024]
    assert tuple(column.tolist() for column in postgres.series("DATABASE", "active_connections")) == ([AT], [87.0])
    assert len(dynos.series("web.9", "memory_rss")[0]) == 0


def test_parts_of_a_slow_statement_are_joined_and_its_values_are_nowhere_on_disk(store: Store, tmp_path: Path) -> None:
    def told(sequence: int, part: int, text: str) -> str:
        return message(f"[DATABASE] [{sequence}-{part}]  {text}", process="postgres.41", at="2026-10-05T10:00:00+00:00")

    take(store, tmp_path, framed(
        told(7, 1, "sql_error_code = 00000 LOG:  duration: 2000.5 ms  statement: SELECT a FROM patient WHERE name = 'Quincy"),
        told(8, 1, "sql_error_code = 00000 LOG:  duration: 4000.5 ms  execute <unnamed>: SELECT a FROM patient WHERE name = $1"),
        told(7, 2, "#011Adams' AND ward = 4711"),
        told(8, 2, "sql_error_code = 00000 DETAIL:  parameters: $1 = 'Quincy Adams'"),
        told(9, 2, "Adams and the rest of a statement whose beginning is not here"),
    ))  # fmt: skip

    found = store.slow_statements("kiosk")

    assert [(statement.text, statement.count) for statement in found] == [
        ("SELECT a FROM patient WHERE name = ?", 1),
        ("SELECT a FROM patient WHERE name = ? AND ward = ?", 1),
    ]
    assert (found[0].p95_ms, found[0].database, found[0].first_us) == (4000.5, "DATABASE", AT)
    kept = "\n".join(line.text for line in store.lines())
    assert not [value for value in ("Quincy", "Adams", "4711") if value in kept]


def test_events_and_scheduler_runs_are_told(store: Store, tmp_path: Path) -> None:
    def platform(second: int, process: str, text: str, source: str = "heroku") -> str:
        return message(text, source=source, process=process, at=f"2026-10-05T10:00:{second:02d}.000000+00:00", pri=45)

    take(store, tmp_path, framed(
        platform(1, "scheduler.88", "Starting process with command `bin/nightly --all`"),
        platform(2, "scheduler.88", "State changed from starting to up"),
        platform(3, "web.2", "Error R14 (Memory quota exceeded)"),
        platform(4, "api", "Release v88 created by user ann@example.com", source="app"),
        platform(5, "scheduler.88", "Process exited with status 3"),
        platform(6, "scheduler.88", "State changed from up to complete"),
        L10,
    ))  # fmt: skip

    (run,) = store.scheduler_runs("kiosk")
    events = store.events("kiosk")

    assert (
        run.command,
        run.started_us,
        run.ended_us,
        run.exit_status,
    ) == ("bin/nightly --all", AT + 1_000_000, AT + 5_000_000, 3)
    assert [(event.kind, event.dyno, event.code) for event in events] == [
        ("log-loss", "", "L10"),
        ("start", "scheduler.88", ""),
        ("state", "scheduler.88", "up"),
        ("runtime-error", "web.2", "R14"),
        ("release", "", ""),
        ("exit", "scheduler.88", "3"),
        ("state", "scheduler.88", "complete"),
    ]
    assert events[4].text == "Release v88 created by user ***"


def test_who_calls_whom_is_told_by_containment(store: Store, tmp_path: Path) -> None:
    outer = framed(*(router(n, at=f"2026-10-05T10:00:0{n}.500000+00:00", service="400ms") for n in range(1, 4)))
    inner = framed(
        *(router(n, at=f"2026-10-05T10:00:0{n}.300000+00:00", service="100ms") for n in range(1, 3)), router(9)
    )
    take(store, tmp_path, outer, "front.log", "front")
    take(store, tmp_path, inner, "back.log", "back")

    (pair,) = store.shared_requests()

    assert (pair.caller, pair.callee, pair.count, pair.requests) == ("front", "back", 2, 2)


def test_one_request_is_shown_across_apps_in_the_order_of_beginning(store: Store, tmp_path: Path) -> None:
    take(store, tmp_path, framed(
        router(5, at="2026-10-05T10:00:05.500000+00:00", service="400ms"),
        message(f'{{"request_id": "{request_id(5)}", "event": "paid"}}', at="2026-10-05T10:00:05.300000+00:00"),
    ), "front.log", "front")  # fmt: skip
    take(store, tmp_path, framed(router(5, at="2026-10-05T10:00:05.290000+00:00", service="100ms")), "back.log", "back")

    found = store.request(request_id(5))

    assert [(line.app, line.kind) for line in found] == [("front", "router"), ("back", "router"), ("front", "app")]
    assert routed(5, service="100ms").replace("203.0.113.77", "203.0.113.0") == found[1].text


def test_coverage_counts_what_is_there_what_was_lost_and_what_was_wrong(store: Store, tmp_path: Path) -> None:
    content = b"%d %s" % (len(L10), L10.encode()) + framed(
        router(1), message("caf\xe9").encode("latin-1"), "not a line of anybody", message("late", at="yesterday"), message("nul\0"),
        message("at=inf", source="heroku", process="router"),
    )  # fmt: skip
    defects = take(store, tmp_path, content)

    (app,) = store.coverage().apps

    assert defects == {"not-utf8": 1, "no-header": 1, "unframed": 1, "bad-time": 1, "binary": 1, "router-unreadable": 1}
    assert (420, 7, len(content)) == (app.lost, app.lines, app.wire_bytes)
    assert {kind.name: kind.count for kind in app.kinds} == {"app": 3, "logplex": 1, "malformed": 2, "router": 1}


def test_lines_that_wait_are_read_with_those_that_are_sealed(store: Store, tmp_path: Path) -> None:
    take(store, tmp_path, framed(router(1)))
    record = encode(
        Record(
            "d.7", "F", AT, framed(router(2, at="2026-10-05T10:00:09.000000+00:00", service="99ms"), message("hello"))
        )
    )
    (store.folder / "wal" / "00000000000000000001.seg").write_bytes(record + record[:40])
    store.name_drain("d.7", "kiosk")

    assert store.router("kiosk").service_ms.tolist() == [20, 99]
    assert store.seal(now=NOW) == 2
    assert store.router("kiosk").service_ms.tolist() == [20, 99]
    assert store.coverage().waiting_bytes == 0
    assert store.seal(now=NOW) == 0


def test_retention_deletes_the_oldest_files_and_their_counts(store: Store, tmp_path: Path) -> None:
    take(store, tmp_path, framed(router(1, at="2026-09-01T00:00:00.000000+00:00")), "old.log", "old")
    take(store, tmp_path, framed(router(2)), "new.log", "new")

    done = store.retain(now=NOW, max_age_seconds=14 * 86_400)

    assert (done.files, done.lines) == (1, 1)
    assert store.apps() == ("new",)
    assert len(list(store.folder.glob("sealed/*/*.parquet"))) == 1
    assert store.retain(now=NOW, max_bytes=0).files == 1


def test_a_torn_packed_file_is_read_up_to_the_tear(store: Store, tmp_path: Path) -> None:
    packed = gzip.compress(framed(*(router(n) for n in range(500))))

    defects = take(store, tmp_path, packed[: len(packed) // 2], "torn.log.gz")

    assert defects["torn-file"] == 1
    assert 100 < len(store.router("kiosk")) < 500


def test_pieces_of_a_big_file_are_whole_lines(store: Store, tmp_path: Path) -> None:
    from offramp.telemetry import pieces

    path = tmp_path / "kiosk.log"
    path.write_bytes(framed(*(router(n) for n in range(3000))))
    saved = pieces.look(path, None)

    counts = []
    for found, _, _ in pieces.read(saved, 0, piece_bytes=100_000):
        rows = Gathering()
        rows.body("kiosk", found[0].content)
        counts.append(len(rows.router["kiosk"]))
        assert {("kiosk", "wire")} == set(rows.tallies)

    assert len(counts) > 5
    assert sum(counts) == 3000


HOSTILE = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=200).map(lambda text: message(text).encode()),
    st.text(max_size=80).map(lambda text: router(1, path=text).encode()),
    st.text(max_size=80).map(lambda text: message(text, at=text[:20]).encode()),
    st.text(max_size=80).map(lambda text: message(f"[A] [1-{len(text)}] {text}", process="postgres.1").encode()),
    st.text(max_size=80).map(
        lambda text: message(
            f"source={text} sample#x={text} sample#y=1e{len(text) * 9}", process="heroku-redis"
        ).encode()
    ),
    st.integers(0, 10**30).map(lambda n: router(1, service=f"{n}ms", status=str(n), sent=str(n)).encode()),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(HOSTILE, max_size=8), st.integers(-3, 3), st.booleans())
def test_hostile_lines_never_crash_and_none_is_dropped(
    store: Store, messages: list[bytes], wrong: int, redacting: bool
) -> None:
    body = b"".join(
        b"%d %s\n" % (len(each) + 1 + (wrong if place == 1 else 0), each) for place, each in enumerate(messages)
    )
    segment = store.folder / "wal" / "00000000000000000001.seg"
    segment.write_bytes(encode(Record("kiosk", "", AT, body)))

    seen = store.coverage().of("kiosk")
    store.router("kiosk"), store.slow_statements("kiosk"), store.events("kiosk"), store.scheduler_runs("kiosk")
    lines = store.lines(most=1000)

    segment.unlink()
    assert len(lines) == (seen.lines if seen else 0)
    if wrong == 0:
        joined = Gathering(redacting)
        joined.body("kiosk", body)
        assert len(messages) == len(joined.router["kiosk"]) + len(joined.lines) + joined.tallies["kiosk", "parts"]
