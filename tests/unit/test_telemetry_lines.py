"""Is each kind of line read as what it is, and what it says kept?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telemetry_lines import HOST, routed

from offramp.telemetry import kinds, metrics, redact, router, routes, statements

CODES = (
    *(f"H{number}" for number in (10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28)),
    "H31", "H32", "H70", "H80", "H81", "H82", "H83", "H99",
)  # fmt: skip


@pytest.mark.parametrize("code", CODES)
def test_every_router_code_is_read_whatever_its_words_are(code: str) -> None:
    text = routed(
        1, head=f'at=error code={code} desc="Any words, changed often"', service="", dyno="", status="503", sent=""
    )

    found = router.read(text)

    assert found is not None
    fields, whole = found
    assert (code, "", "", "", True) == (fields[1], fields[7], fields[9], fields[11], whole)


@pytest.mark.parametrize(
    ("text", "code", "status"),
    [
        (
            routed(1, head='sock=backend at=error code=H18 desc="Server Request Interrupted"', status="503"),
            "H18",
            "503",
        ),
        (
            routed(1, head='sock=client at=warning code=H27 desc="Client Request Interrupted"', status="499"),
            "H27",
            "499",
        ),
        (
            routed(
                1, head='at=error code=H26 desc="Request Error" cause="unsupported expect header value"', status="417"
            ),
            "H26",
            "417",
        ),
        (routed(1, tail=" protocol=https"), "", "200"),
        (routed(1, tail=""), "", "200"),
        (routed(1).replace("connect=", "later=1 connect="), "", "200"),
    ],
)
def test_both_routers_forms_and_unknown_keys_are_read(text: str, code: str, status: str) -> None:
    found = router.read(text)

    assert found is not None
    assert (code, status) == (found[0][1], found[0][10])


@pytest.mark.parametrize(
    "path", ["/a?b=c=d&e=%22x%22", '/quote"inside', '/a" host=evil.example.com', "/" + "x" * 2000 + "?y=z"]
)
def test_a_path_may_hold_quotes_and_equals_signs(path: str) -> None:
    found = router.read(routed(1, path=path))

    assert found is not None
    assert (path, HOST) == (found[0][3], found[0][4])


@given(st.integers(0, 400))
def test_a_router_line_cut_anywhere_is_read_as_far_as_it_goes_or_refused(length: int) -> None:
    text = routed(3, path="/cut/here", service="1234ms")[:length]

    found = router.read(text)

    if found and not found[1]:
        assert found[0][9] in ("", "1", "12", "123", "1234")
    if length > text.find(" path=") + 20 and " method=" in text:
        assert found is not None


def test_a_line_is_written_as_it_was_read() -> None:
    text = routed(7, head='at=error code=H12 desc="Request timeout"', service="30001ms", status="503")
    found = router.read(text)

    assert found is not None
    assert text == router.write(found[0])


@pytest.mark.parametrize(
    ("source", "process", "text", "kind"),
    [
        ("heroku", "router", "at=info", "router"),
        ("heroku", "web.1", "State changed from starting to up", "state"),
        ("heroku", "web.1", "source=web.1 dyno=heroku.1.x sample#load_avg_1m=2.46", "dyno-metrics"),
        ("heroku", "worker.2", "Error R15 (Memory quota vastly exceeded)", "runtime-error"),
        ("app", "heroku-postgres", "source=DATABASE sample#tables=142", "postgres-metrics"),
        ("app", "postgres.31337", "[DATABASE] [12-1]  sql_error_code = 00000 LOG:  x", "postgres-log"),
        ("app", "postgres.1", "a process type of this name", "app"),
        ("app", "heroku-redis", "source=REDIS sample#evicted-keys=0", "redis-metrics"),
        ("app", "heroku-pgbouncer", "source=pgbouncer sample#max_wait=1", "pgbouncer-metrics"),
        ("app", "api", "Release v88 created by user ann@example.com", "api"),
        ("app", "api.1", "hello", "app"),
        ("heroku", "logplex", "Error L10 (output buffer overflow): 7 messages dropped since now", "logplex"),
        (
            "logplex",
            "1",
            "Error L11 (Tail buffer overflow) -> This tail session dropped 11 messages since now",
            "logplex",
        ),
        ("heroku", "log-shuttle", "Error L13: 111 messages lost since now", "logplex"),
        ("app", "web.1", "Error R14 as the application says", "app"),
        ("somebody", "else", "x", "app"),
    ],
)
def test_a_lines_kind_is_told_by_source_and_process(source: str, process: str, text: str, kind: str) -> None:
    assert kind == kinds.of(source, process, text)


def test_lost_messages_are_summed_from_each_form_of_l_line() -> None:
    told = {
        "Error L10 (output buffer overflow): 7 messages dropped since t": 7,
        "Error L12: 222 messages dropped since t": 222,
        "Error L13: 111 messages lost since t": 111,
        "Error L11 (Tail buffer overflow) -> This tail session dropped 11 messages since t": 11,
        "Error L14 (certificate validation)": 0,
    }

    assert {text: kinds.lost(text) for text in told} == told


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        ("sample#memory-total=16083920.0kB", [("memory_total", 16083920.0 * 1024)]),
        (
            "sample#memory-redis=182131440bytes sample#hit-rate=0.88",
            [("memory_redis", 182131440.0), ("hit_rate", 0.88)],
        ),
        ("sample#iops=4.7e-04 sample#load-avg-15m=0", [("iops", 4.7e-4), ("load_avg_15m", 0.0)]),
        ("sample#broken= sample#worse=x sample#cut=1.2.3", []),
    ],
)
def test_figures_are_read_with_and_without_units(text: str, figures: list[tuple[str, float]]) -> None:
    assert figures == metrics.read(text)


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/", "/"), ("", ""), ("/api/v2/people/17", "/api/v2/people/{id}"), ("/a/?q=/1/2", "/a/"),
        ("/x/0c8f9a52-77ad-4c1f-9d3c-1a2b3c4d5e6f/y", "/x/{id}/y"), ("/x/deadbeefdeadbeefdeadbeef0", "/x/{id}"),
        ("/order-4711/lines", "/{id}/lines"), ("/oauth2/token", "/oauth2/token"), ("/s/app.8d3f.css", "/s/{id}.css"),
        ("/blog/why-we-left-the-place", "/blog/{slug}"), ("/reset-password", "/reset-password"), ("/u/me@example.com", "/u/{id}"),
        ("/" + "/".join("abcdefghijklmnopqrstuvwxyz"), "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/{rest}"),
    ],
)  # fmt: skip
def test_a_route_is_a_path_without_what_names_one_thing(path: str, route: str) -> None:
    assert route == routes.template(path)


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("mail to ann.b+c@mail.example.com failed", "mail to *** failed"),
        ("postgres://u:p4ssw0rd@db.example.com:5432/x", "postgres://u:***@db.example.com:5432/x"),
        ('{"password": "hunter2", "user": 7}', '{"password": ***, "user": 7}'),
        ("Authorization: Bearer abcdef0123456789", "Authorization: ***"),
        ("api_key=abc123, next", "api_key=***, next"),
        ("using AKIAIOSFODNN7EXAMPLE now", "using *** now"),
        ("to 198.51.100.23 and [2001:db8:85a3:8d3:1319:8a2e:370:7348]", "to 198.51.100.0 and [2001:db8:85a3::]"),
        ("Python 3.11.7 at 10:00:00 took 1.5 s", "Python 3.11.7 at 10:00:00 took 1.5 s"),
    ],
)
def test_addresses_and_secrets_do_not_stay(line: str, kept: str) -> None:
    assert kept == redact.text(line)


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/reset?token=s3cr3t&page=2", "/reset?token=***&page=2"),
        ("/u/ann@example.com/x", "/u/***/x"), ("/u?email=ann%40example.com", "/u?email=***"),
        ("/in/aB3dE5gH7jK9mN1pQ3sT5vW7/next", "/in/***/next"),
        ("/api/items?page=4", "/api/items?page=4"), ("/x/0c8f9a52-77ad-4c1f-9d3c-1a2b3c4d5e6f", "/x/0c8f9a52-77ad-4c1f-9d3c-1a2b3c4d5e6f"),
        ("/cb?next=https://a.example.com/?token=abc", "/cb?next=https://a.example.com/?token=***"),
    ],
)  # fmt: skip
def test_a_paths_secrets_do_not_stay(path: str, kept: str) -> None:
    assert kept == redact.path(path)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT * FROM a WHERE id = 1", "select *  from a where id = 99"),
        ("SELECT 1 FROM a WHERE x IN (1,2,3)", "SELECT 1 FROM a WHERE x IN (4)"),
        ("UPDATE a SET n = 'it''s' WHERE k = $1", "UPDATE a SET n = E'o\\'clock' WHERE k = 'x'"),
        ("INSERT INTO a VALUES (1,'a'),(2,'b')", "INSERT INTO a VALUES (3,'c')"),
        ("SELECT 1 /* request 7 */ FROM a -- x", "SELECT 2 FROM a"),
    ],
)
def test_the_same_statement_with_other_values_has_one_fingerprint(one: str, other: str) -> None:
    alike = [statements.normal(text).replace("IN (?)", "IN (...)").replace("(?)", "(...)") for text in (one, other)]

    assert statements.fingerprint(alike[0]) == statements.fingerprint(alike[1])


@given(st.text(alphabet="abc'\"$0123 \n(),-/*", max_size=120))
def test_any_statement_is_normalised_without_a_value_left_in_quotes(sql: str) -> None:
    assert "'" not in statements.normal(sql).replace("''", "")
