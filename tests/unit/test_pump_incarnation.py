"""What does a link conclude from what its source says of itself?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from offramp.pump.incarnation import Fate, Known, Seen, judge

KNOWN = Known(system="7", timeline="00000001", started="1000", replayed=None, lsn="0/5000")
SEEN = Seen(system="7", timeline="00000001", started="1000", replayed=None, standby=False, behind=False)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (SEEN, "same"),
        (replace(SEEN, started="2000"), "restarted"),
        (replace(SEEN, started="2000", replayed="0/5000"), "restarted"),
        (replace(SEEN, started="2000", replayed="0/4FFF"), "lost"),
        (replace(SEEN, replayed="0/4FFF"), "lost"),
        (replace(SEEN, replayed="1/0"), "restarted"),
        (replace(SEEN, timeline="00000002", replayed="0/6000"), "promoted"),
        (replace(SEEN, timeline="00000002", replayed="0/4000"), "lost"),
        (replace(SEEN, timeline="00000002", replayed=None), "lost"),
        (replace(SEEN, timeline="00000003", replayed="0/6000"), "lost"),
        (replace(SEEN, behind=True), "lost"),
        (replace(SEEN, system="8"), "other"),
        (replace(SEEN, system="8", behind=True), "other"),
    ],
)
def test_only_proof_of_continuity_lets_a_link_go_on(seen: Seen, expected: Fate) -> None:
    assert judge(KNOWN, seen) == expected


def test_without_a_noted_lsn_a_recovery_proves_nothing() -> None:
    unknown = replace(KNOWN, lsn=None)

    assert judge(unknown, replace(SEEN, timeline="00000002", replayed="9/0")) == "lost"
    assert judge(unknown, replace(SEEN, started="2000", replayed="9/0")) == "lost"
    assert judge(unknown, replace(SEEN, started="2000")) == "restarted"
