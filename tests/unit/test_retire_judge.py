"""May Heroku go, and in which order?"""

from __future__ import annotations

from dataclasses import replace

from blueprints import blueprint

from offramp.engine.verdict import Ask, Do, Met, Refuse
from offramp.retire.judge import judge
from offramp.retire.model import AddonLeft, DatabaseLeft, DeleteAddon, RemoveCapture, ScaleToZero, Seen, TakeBackup

WANT = blueprint()
PLAN = WANT.databases[0]
LEFT = DatabaseLeft(
    PLAN, "aws", heroku=True, backed_up=False, on_heroku=("schema offramp",), on_aws=("schema offramp",)
)
ADDON = AddonLeft("orders", "id-1", "postgresql-orders", "heroku-postgresql:standard-0")
BEFORE = Seen((LEFT,), running=(("orders", "web", 2),), addons=(ADDON,), heroku_share=0, monthly_cents=5000)


def test_retiring_asks_first() -> None:
    (finding,) = judge(WANT, BEFORE, {})

    assert isinstance(finding.verdict, Ask)


def test_a_database_that_still_lives_on_heroku_is_never_retired() -> None:
    (finding,) = judge(
        WANT, replace(BEFORE, databases=(replace(LEFT, primary="heroku", on_aws=()),)), {"retire": "approve"}
    )

    assert isinstance(finding.verdict, Refuse)


def test_traffic_that_still_goes_to_heroku_keeps_it_alive() -> None:
    (finding,) = judge(WANT, replace(BEFORE, heroku_share=50), {"retire": "approve"})

    assert isinstance(finding.verdict, Refuse)


def test_writers_stop_before_the_backup_and_capture_goes_before_the_addon() -> None:
    deeds = [
        deed
        for f in judge(WANT, BEFORE, {"retire": "approve"})
        if isinstance(f.verdict, Do)
        for deed in f.verdict.deeds
    ]

    assert deeds == [ScaleToZero("orders", ("web",)), TakeBackup(PLAN), RemoveCapture(PLAN, "shop"), DeleteAddon(ADDON)]


def test_nothing_left_is_met() -> None:
    gone = replace(LEFT, heroku=False, on_heroku=(), on_aws=())
    findings = judge(WANT, Seen((gone,), (), (), 0, 0), {"retire": "approve"})

    assert all(isinstance(finding.verdict, Met) for finding in findings)
