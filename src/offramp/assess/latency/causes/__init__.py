"""Why is time spent there? One small rule a hypothesis; each says how much would go with it, and how to show it wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from ..model import Cause
from . import around, capacity, database
from .inquiry import Inquiry

__all__ = ["Inquiry", "rank"]

Rule = Callable[[Inquiry], Iterator[Cause]]

RULES: tuple[Rule, ...] = (
    capacity.too_few_workers,
    capacity.slow_routes,
    capacity.bad_dyno,
    database.n_plus_one,
    database.missing_index,
    database.slow_database,
    database.connections,
    around.slow_dependency,
    around.swapping,
    around.restarts,
    around.transfer,
    around.accept_backlog,
    around.clockwork,
    around.mix_shift,
)

_WORTH = 0.05
_SAME = 0.7


def rank(inquiry: Inquiry) -> tuple[Cause, ...]:
    """Return the causes that explain at least a twentieth of the time above the objective, largest first."""
    found = [cause for rule in RULES for cause in rule(inquiry) if cause.share >= _WORTH]
    found = [replace(cause, share=min(cause.share, 1.0)) for cause in found]
    return tuple(sorted(_without_echoes(found), key=lambda cause: (-cause.share, cause.name, cause.subject)))


def _without_echoes(found: list[Cause]) -> list[Cause]:
    """A slow route, or the database in general, is not named beside the reason that explains most of it."""
    reasons = [cause for cause in found if cause.name in ("n+1", "missing index", "slow dependency")]
    return [cause for cause in found if not any(_echoes(cause, reason) for reason in reasons)]


def _echoes(cause: Cause, reason: Cause) -> bool:
    general = (cause.name == "slow route" and cause.subject == reason.subject) or (
        cause.name == "database" and reason.name != "slow dependency"
    )
    return general and reason.share >= _SAME * cause.share
