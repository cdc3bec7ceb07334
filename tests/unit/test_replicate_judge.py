"""Which link does each database get?"""

from __future__ import annotations

from dataclasses import replace

import pytest
from blueprints import blueprint

from offramp.engine.verdict import Do, Met, Refuse, Verdict, Wait
from offramp.replicate.judge import judge
from offramp.replicate.model import Deed, LinkProgress, LinkWanted, ReplicaSeen, Seen, StartLink, StopLink

WANT = blueprint()
FORWARD = LinkWanted("orders", "forward", 0)
LIVE = LinkProgress(
    phase="live",
    lag_seconds=0.1,
    lag_p99_ms=80,
    rows_applied=10,
    rows_copied=1000,
    rows_estimate=1000,
    verified_share=1.0,
    verified_age_seconds=3,
    differences=0,
    repaired=0,
    beat_age_seconds=0.2,
    held=(),
    tables=4,
)
FIRST = ReplicaSeen("orders", primary="heroku", epoch=0, links=(), progress=None)
RUNNING = replace(FIRST, links=(FORWARD,), progress=LIVE)


def verdict(replica: ReplicaSeen, **decisions: str) -> Verdict[Deed]:
    return judge(WANT, Seen((replica,)), decisions)[0].verdict


def test_a_database_without_a_link_gets_the_one_that_leaves_its_primary() -> None:
    found = verdict(FIRST)

    assert isinstance(found, Do)
    assert found.deeds == (StartLink(FORWARD, ("orders", "DATABASE_URL"), WANT),)


def test_after_a_switch_the_old_link_is_stopped_before_the_reverse_one_starts() -> None:
    switched = replace(RUNNING, primary="aws", epoch=1)

    first = verdict(switched)
    assert isinstance(first, Do)
    assert first.deeds == (StopLink(FORWARD, "shop"),)

    then = verdict(replace(switched, links=()))
    assert isinstance(then, Do)
    assert then.deeds == (StartLink(LinkWanted("orders", "reverse", 1), ("orders", "DATABASE_URL"), WANT),)


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (replace(LIVE, phase="copy", rows_copied=250), "copy: 250 of about 1,000 rows (25%)"),
        (replace(LIVE, lag_seconds=7.0), "7.0 s behind, at most 2 s wanted"),
        (replace(LIVE, verified_share=0.4), "verified 40% of the rows"),
        (replace(LIVE, beat_age_seconds=30), "the link has not reported for 30 s"),
    ],
)
def test_a_link_that_may_not_be_relied_on_yet_is_waited_for(progress: LinkProgress, words: str) -> None:
    found = verdict(replace(RUNNING, progress=progress))

    assert isinstance(found, Wait)
    assert found.because == words


def test_a_live_link_is_met_and_tells_its_figures() -> None:
    finding = judge(WANT, Seen((RUNNING,)), {})[0]

    assert isinstance(finding.verdict, Met)
    assert dict(finding.facts)["lag_p99_ms"] == 80


def test_a_held_table_is_refused_with_its_reason() -> None:
    found = verdict(replace(RUNNING, progress=replace(LIVE, held=("shop_order: a row was rejected",))))

    assert isinstance(found, Refuse)
    assert "shop_order: a row was rejected" in found.because


def test_a_concern_of_preflight_stops_a_link_before_it_starts() -> None:
    found = verdict(replace(FIRST, concerns=("ledger: it is unlogged",)))

    assert isinstance(found, Refuse)


def test_a_retired_database_has_no_link() -> None:
    found = verdict(replace(RUNNING, primary="aws", epoch=1), retire="approve")

    assert isinstance(found, Do)
    assert found.deeds == (StopLink(FORWARD, "shop"),)
    assert isinstance(verdict(replace(FIRST, primary="aws", epoch=1), retire="approve"), Met)
