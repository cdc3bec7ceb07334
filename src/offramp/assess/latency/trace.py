"""Which requests reached a dyno, when, and in which of the dyno's lives? Router lines as arrays that can be worked on at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...telemetry.columns import Router
from .facts import Restart
from .model import LeftOut

Ints = NDArray[np.int64]
Small = NDArray[np.int32]
Flags = NDArray[np.bool_]

# After these the router has answered, or the client is gone, but the dyno works on (Heroku, "Error codes").
_WORK_GOES_ON = ("H12", "H15", "H27", "H28")
_SWITCHED_PROTOCOLS = 101


@dataclass(frozen=True, slots=True)
class Trace:
    """The requests that reached a dyno, ordered by life of a dyno, then by arrival there. All arrays have the same length.

    A life is the time of a dyno between two restarts. ``arrival_us`` and ``completion_us`` count from ``origin_us``.
    ``unfinished`` marks requests whose worker went on after the line was written. ``position`` is the line's in the Router.
    """

    origin_us: int
    arrival_us: Ints
    completion_us: Ints
    connect_ms: Small
    life: Small
    dyno: Small
    route: Small
    sent_bytes: Ints
    unfinished: Flags
    failed: Flags
    position: Ints
    dynos: tuple[str, ...]
    routes: tuple[str, ...]
    lives: int

    def __len__(self) -> int:
        return len(self.arrival_us)

    def total_ms(self) -> NDArray[np.float64]:
        """What the router waited for each request: connecting and service."""
        return (self.completion_us - self.arrival_us) / 1000.0 + self.connect_ms

    def keyed(self) -> tuple[Ints, Ints]:
        """Arrivals and completions, moved apart by life: what happens in one life is earlier than all of the next."""
        if not len(self):
            return self.arrival_us, self.completion_us
        stride = int(self.completion_us.max()) + 1
        offset = self.life.astype(np.int64) * stride
        return self.arrival_us + offset, self.completion_us + offset

    def only(self, chosen: Flags) -> Trace:
        """Return the requests for which ``chosen`` is true, in the same order."""
        return Trace(
            self.origin_us,
            self.arrival_us[chosen],
            self.completion_us[chosen],
            self.connect_ms[chosen],
            self.life[chosen],
            self.dyno[chosen],
            self.route[chosen],
            self.sent_bytes[chosen],
            self.unfinished[chosen],
            self.failed[chosen],
            self.position[chosen],
            self.dynos,
            self.routes,
            self.lives,
        )


def from_router(router: Router, restarts: tuple[Restart, ...] = ()) -> tuple[Trace, tuple[LeftOut, ...]]:
    """Return the requests that can be split, and how many were left out and why.

    Left out are lines without a service time (no dyno was reached) and WebSockets, whose time says nothing of a request.
    """
    service = router.service_ms.astype(np.int64)
    reached = service >= 0
    switched = reached & (router.status == _SWITCHED_PROTOCOLS)
    kept = reached & ~switched
    left_out = (
        LeftOut("no dyno was reached, so there is no service time", int((~reached).sum())),
        LeftOut("the connection became a WebSocket", int(switched.sum())),
    )
    return _ordered(router, np.flatnonzero(kept), restarts), tuple(row for row in left_out if row.requests)


def _ordered(router: Router, position: Ints, restarts: tuple[Restart, ...]) -> Trace:
    completion = router.completed_us[position]
    arrival = completion - router.service_ms[position].astype(np.int64) * 1000
    origin = int(arrival.min()) if len(arrival) else 0
    dyno = router.dyno[position]
    life, lives = _lives(arrival, dyno, router.dynos, restarts)
    order = np.lexsort((arrival, life))
    position = position[order]
    codes = np.isin(np.asarray(router.codes or ("",)), _WORK_GOES_ON)
    return Trace(
        origin_us=origin,
        arrival_us=arrival[order] - origin,
        completion_us=completion[order] - origin,
        connect_ms=np.maximum(router.connect_ms[position], 0),
        life=life[order],
        dyno=dyno[order],
        route=router.route[position],
        sent_bytes=router.sent_bytes[position],
        unfinished=codes[router.code[position]],
        failed=router.status[position] >= 500,
        position=position,
        dynos=router.dynos,
        routes=router.routes,
        lives=lives,
    )


def _lives(arrival: Ints, dyno: Small, dynos: tuple[str, ...], restarts: tuple[Restart, ...]) -> tuple[Small, int]:
    """Number the lives: for each dyno, how often it had restarted when the request arrived."""
    life = np.zeros(len(arrival), dtype=np.int32)
    first = 0
    for number, name in enumerate(dynos):
        its = np.flatnonzero(dyno == number)
        if not len(its):
            continue
        ups = np.sort(np.array([restart.up_us for restart in restarts if restart.dyno == name], dtype=np.int64))
        which = np.searchsorted(ups, arrival[its], side="right")
        used, compact = np.unique(which, return_inverse=True)
        life[its] = first + compact
        first += len(used)
    return life, first
