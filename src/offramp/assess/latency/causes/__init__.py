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
    """A slow route whose statements are known to be the reason is named by the reason alone."""
    reasons = [cause for cause in found if cause.name in ("n+1", "missing index", "slow dependency")]
    return [
        cause
        for cause in found
        if cause.name != "slow route"
        or not any(r.subject == cause.subject and r.share >= _SAME * cause.share for r in reasons)
    ]
