"""What is true now, and what would be done about it? Looking and judging only: nothing here touches anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import report
from .chapter import Chapter
from .report import Plan, StageView
from .stage import Decisions
from .verdict import Finding


def survey(chapter: Chapter, tools: Any, decisions: Decisions) -> tuple[Finding[Any], ...]:
    """Look and judge once. Raises what the making of the stage's ``want`` and its look raise."""
    want = chapter.want()
    return tuple(chapter.stage.judge(want, chapter.stage.look(tools, want), decisions))


def look_at(chapter: Chapter, tools: Any, decisions: Decisions) -> StageView:
    """Look and judge once, for a person to read."""
    return report.view(chapter, tuple(report.goal(finding) for finding in survey(chapter, tools, decisions)))


def plan(chapters: Sequence[Chapter], tools: Any, decisions: Decisions) -> Plan:
    """Look and judge up to the first stage that is not met; what later ones want depends on it."""
    views: list[StageView] = []
    for chapter in chapters:
        reached = all(view.met for view in views)
        views.append(look_at(chapter, tools, decisions) if reached else report.not_reached(chapter))
    return Plan(tuple(views))
