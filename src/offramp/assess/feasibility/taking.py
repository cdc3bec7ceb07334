"""How do the pump's and PostgreSQL's own answers become something that rules can look at?"""

from __future__ import annotations

from collections.abc import Iterable

from ...postgres.pooling import SessionUse
from ...pump import Concern as Said
from .readings import Concern, Preflight, SessionSeen


def preflight(addon: str, said: Iterable[Said], *, stand_in: bool = True) -> Preflight:
    """Return what ``offramp.pump.check`` (or ``standalone.preflight``) said of one database add-on."""
    return Preflight(addon, tuple(Concern(one.object, one.why, one.fix, one.blocking) for one in said), stand_in)


def sessions(addon: str, uses: Iterable[SessionUse]) -> tuple[SessionSeen, ...]:
    """Return what ``offramp.postgres.pooling.session_uses`` found in one database."""
    return tuple(SessionSeen(addon, use.kind, use.example, use.times, use.why, use.fix) for use in uses)
