"""Do the ledger, the judge of rows and the summary say what happened?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from offramp.errors import UsageError
from offramp.load import ledger, samples
from offramp.load.ledger import Lines, Write
from offramp.load.proof import allowed_states, judge
from offramp.load.samples import Sample
from offramp.load.summary import percentile, summary
from offramp.load.values import Json


def write(
    kind: ledger.WriteKind, content: dict[str, Json], outcome: ledger.Outcome = "acknowledged", serial: int = 1
) -> Write:
    return Write("0badcafe", serial, kind, f"thing.{kind}", "thing.create", "token", content, 0.0, outcome)


CREATED = write("create", {"note": "a"})
CHANGED = write("update", {"note": "b"})
DELETED = write("delete", {})
DOUBT: ledger.Outcome = "in doubt"


@pytest.mark.parametrize(
    ("history", "states"),
    [
        ([CREATED], [{"note": "a"}]),
        ([replace(CREATED, outcome=DOUBT)], [None, {"note": "a"}]),
        ([CREATED, CHANGED], [{"note": "b"}]),
        ([CREATED, replace(CHANGED, outcome=DOUBT)], [{"note": "a"}, {"note": "b"}]),
        ([CREATED, DELETED], [None]),
        ([CREATED, replace(DELETED, outcome=DOUBT)], [{"note": "a"}, None]),
    ],
)
def test_a_ledger_leaves_a_row_only_the_states_it_may_be_in(
    history: list[Write], states: list[dict[str, Json] | None]
) -> None:
    assert tuple(states) == allowed_states(history)


@pytest.mark.parametrize(
    ("history", "rows", "faults"),
    [
        ([CREATED], [{"note": "a", "more": 1}], []),
        ([CREATED], [], ["lost"]),
        ([CREATED], [{"note": "a"}, {"note": "a"}], ["duplicated"]),
        ([CREATED], [{"note": "z"}], ["changed"]),
        ([CREATED, CHANGED], [{"note": "a"}], ["changed"]),
        ([CREATED, DELETED], [{"note": "a"}], ["changed"]),
        ([CREATED, DELETED], [], []),
        ([replace(CREATED, outcome=DOUBT)], [], []),
        ([replace(CREATED, outcome=DOUBT)], [{"note": "a"}], []),
        ([replace(CREATED, outcome=DOUBT)], [{"note": "a"}, {"note": "a"}], ["duplicated"]),
        ([CREATED, replace(CHANGED, outcome=DOUBT)], [{"note": "b"}], []),
    ],
)
def test_a_row_that_is_not_as_promised_is_named(
    history: list[Write], rows: list[dict[str, Json]], faults: list[str]
) -> None:
    assert faults == [fault.kind for fault in judge("thing token", allowed_states(history), rows)]


def test_a_write_without_an_end_is_in_doubt(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with Lines(path) as lines:
        ledger.begin(lines, CREATED)
        ledger.begin(lines, replace(CREATED, serial=2))
        ledger.end(lines, CREATED, "acknowledged", 1.0)

    assert [w.outcome for w in ledger.read([path])] == ["acknowledged", "in doubt"]


def test_a_line_torn_by_a_kill_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with Lines(path) as lines:
        ledger.begin(lines, CREATED)
    path.write_bytes(path.read_bytes() + b'{"event":"end","ru')

    assert len(ledger.read([path])) == 1


def test_a_broken_line_in_the_middle_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text('{"event":\n{"event":"begin"}\n')

    with pytest.raises(UsageError, match="line 1"):
        ledger.read([path])


def test_samples_come_back_as_they_were_written(tmp_path: Path) -> None:
    kept = Sample(12.5, 3.25, "list", 503, "aws", "status 503", "0badcafe-1", "http://a/b")
    with Lines(tmp_path / "samples.jsonl") as lines:
        samples.write(lines, kept)

    assert list(samples.read(tmp_path / "samples.jsonl")) == [kept]


@pytest.mark.parametrize(("percent", "value"), [(50, 50), (95, 95), (99, 99), (100, 100), (0, 1)])
def test_percentiles_are_nearest_rank(percent: float, value: float) -> None:
    assert value == percentile(range(1, 101), percent)


def test_a_summary_separates_the_sides_and_lists_failures() -> None:
    felt = [Sample(n / 10, 10.0, "list", 200, "heroku") for n in range(10)]
    felt.append(Sample(1.0, 35_000.0, "list", 0, "aws", "TimeoutError"))

    told = summary(felt)

    assert (told.rate_per_second, told.sent, told.failed) == (10.0, 11, 1)
    assert (told.heroku.p99_ms, told.aws.p50_ms) == (10.0, 35_000.0)
    assert told.failures == (felt[-1],)
