"""Which moves make two databases change places, in which order, and how is each done?

Each move looks before it leaps, so that it may be made on any wreckage. Everything before ``commit`` can be taken back; nothing
after it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from .. import postgres
from ..errors import RefusedError, WaitingError
from ..kit import sqlbook
from ..kit.clock import Clock
from ..postgres import Connection, translated
from .arming import arm, capture_ahead, close_link, disarm, hand_on_checks
from .fencing import demand_free, fence, fenced, unfence
from .foreseeing import compare_ahead
from .model import Event, Link
from .objects import carry_objects
from .sequences import carry_sequences
from .standby import prepare_standby, restore_primary
from .standing import Standing, standing
from .status import drained
from .stragglers import strand
from .switch import record_switch
from .vacuuming import VACUUM_SECONDS, send_vacuum_away
from .verify import verify_all
from .views import refresh_views

_BOOK = sqlbook.load("offramp.pump", "sql/alone.sql")
Interrupt = Callable[[str], None]
Report = Callable[[Event], None]
DRAIN_POLL_SECONDS = 0.005
READY_SECONDS = 2.0
# How much of the time that a switch has may go into comparing before the hold.
AHEAD_SHARE = 0.3
# A pump that lost a connection is back within this; one that was stopped is not.
RUNNER_SECONDS, RETURN_SECONDS, RUNNER_POLL_SECONDS = 0.5, 8.0, 0.05


@dataclass(frozen=True, slots=True)
class Sides:
    """Both databases, open. Their places in a switch depend on who is primary."""

    source: Connection
    target: Connection

    def origin(self, now: Standing) -> Connection:
        return self.source if now.direction == "forward" else self.target

    def receiver(self, now: Standing) -> Connection:
        return self.target if now.direction == "forward" else self.source


@dataclass
class Turning:
    """One switch on its way."""

    sides: Sides
    before: Standing
    clock: Clock
    deadline: float
    seconds: float
    report: Report
    interrupt: Interrupt
    moves: dict[str, float] = field(default_factory=dict)
    held_at: float | None = None
    let_in_at: float | None = None
    owner: str | None = None
    """The role that owns the receiver's tables, when that is not our own."""

    @property
    def origin(self) -> Connection:
        return self.sides.origin(self.before)

    @property
    def receiver(self) -> Connection:
        return self.sides.receiver(self.before)

    def left(self) -> float:
        """Seconds until the deadline. Raises WaitingError when it has passed."""
        remaining = self.deadline - self.clock.monotonic()
        if remaining <= 0:
            raise WaitingError(
                f"The switch did not end within {self.seconds:g} s, so it was taken back: the {self.before.primary} takes writes as before.",
                hint="Look at `offramp pump status`; then try again, or give it more time with --within.",
            )
        return remaining

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now(), UTC)


Move = tuple[str, Callable[[Turning], None]]


def runner(receiver: Connection, link: Link) -> str:
    """Return which session of the receiving side runs the link, or an empty text when none does."""
    with translated("the receiving side"):
        row = receiver.execute(_BOOK["runner"], {"name": link.name, "direction": link.direction}).fetchone()
    return "" if row is None else f"session {row[0]} from {row[1]}"


def owner_of(side: Connection) -> str | None:
    """Return the role that owns the application's tables there, or None when that is our own."""
    with translated("the receiving side"):
        owners = {table.owner for table in postgres.tables(side)}
        mine = postgres.server(side).role
    return owners.pop() if len(owners) == 1 and mine not in owners else None


def _open(turning: Turning) -> None:
    """Write down that a switch began, so that whoever finds the wreckage knows which; do early what takes time."""
    before = turning.before
    record_switch(turning.sides.target, before.record("open", before.opened_at or turning.now()))
    # Nobody writes there yet but the link. Where its role cannot be replica, it fires these triggers too: what they note lies
    # before the position that the way back will begin at. One that connects anew takes them off first; they are installed again.
    capture_ahead(turning.receiver, before.returning)
    hand_on_checks(turning.origin, turning.receiver, before.feeding, before.returning)
    turning.owner = owner_of(turning.receiver)
    _objects(turning)
    if runner(turning.receiver, before.feeding):
        compare_ahead(turning.receiver, before.feeding, seconds=AHEAD_SHARE * turning.left(), clock=turning.clock)
    for side in (turning.origin, turning.receiver):
        try:
            send_vacuum_away(side, deadline_seconds=min(turning.left(), VACUUM_SECONDS), clock=turning.clock)
        except WaitingError as error:
            # The fence asks again; it may be gone by then.
            turning.report(Event("vacuum", {"because": error.message}))


def _fence(turning: Turning) -> None:
    turning.held_at = turning.clock.monotonic()
    standing_fence = fenced(turning.origin)
    if standing_fence is not None and standing_fence.epoch == turning.before.epoch + 1:
        # A person's own fence, or one of an attempt that died: writers have been waiting since.
        turning.held_at -= max(turning.clock.now() - standing_fence.at.timestamp(), 0.0)
    fence(
        turning.origin, link_name=turning.before.name, epoch=turning.before.epoch + 1,
        deadline_seconds=turning.left(), clock=turning.clock,
    )  # fmt: skip


def _drain(turning: Turning) -> None:
    mark = fenced(turning.origin)
    assert mark is not None, "the fence was put up a moment ago"
    link, began = turning.before.feeding, turning.clock.monotonic()
    last_run, look_at = began, began + RUNNER_SECONDS
    while not drained(turning.receiver, link, mark):
        turning.left()
        turning.clock.sleep(DRAIN_POLL_SECONDS)
        if (now := turning.clock.monotonic()) < look_at:
            continue
        look_at = now + RUNNER_SECONDS
        if runner(turning.receiver, link):
            last_run = now
        elif now - last_run > RETURN_SECONDS:
            raise WaitingError(
                f"The pump stopped, so the switch was taken back: the {turning.before.primary} takes writes as before.",
                hint="Start it with `offramp pump start`; then try again.",
            )


def _verify(turning: Turning) -> None:
    turning.left()
    found = verify_all(turning.origin, turning.receiver, turning.before.feeding, only_dirty=True)
    if found.differences:
        first = found.differences[0]
        raise RefusedError(
            f"{len(found.differences)} rows differ after the drain, the first in {first.table} (key {first.key}, {first.kind}), so the switch "
            f"was taken back: the {turning.before.primary} takes writes as before.",
            hint="The link repairs them; wait for `offramp pump verify --wait`, then try again.",
        )


def _ready(turning: Turning) -> None:
    """What follows the commit needs every table of the new primary, and cannot be taken back."""
    demand_free(turning.receiver, deadline_seconds=min(turning.left(), READY_SECONDS), clock=turning.clock)


def _objects(turning: Turning) -> None:
    """Large objects have no triggers: they are compared as a whole, and what changed since the move began is carried."""
    done = carry_objects(turning.origin, turning.receiver, turning.owner)
    for left in done.left:
        turning.report(Event("large objects", {"because": f"{left.object}: {left.why} {left.fix}"}))


def _sequences(turning: Turning) -> None:
    carry_sequences(turning.origin, turning.receiver)


def _close(turning: Turning) -> None:
    """The link that fed the standby may never write again: from here on the standby takes the applications' writes."""
    close_link(turning.receiver, turning.before.feeding)


def _commit(turning: Turning) -> None:
    """The one-way door."""
    begun = standing(turning.sides.target, turning.before.name).opened_at
    record_switch(turning.sides.target, turning.before.record("committed", begun or turning.now()))


def _constraints(turning: Turning) -> None:
    restore_primary(turning.receiver, turning.before.feeding)


def _reverse(turning: Turning) -> None:
    """Capture stands on the new primary before its first write is let in: this is the way back."""
    mark = fenced(turning.origin)
    assert mark is not None, "the old primary stays fenced after a commit"
    arm(turning.receiver, turning.origin, turning.before.returning, mark)


def _let_in(turning: Turning) -> None:
    unfence(turning.receiver)
    turning.let_in_at = turning.clock.monotonic()


def _standby(turning: Turning) -> None:
    """Make the old primary fit to receive, once the link that fed from it is gone: it would carry over what is taken off here."""
    until = turning.clock.monotonic() + RETURN_SECONDS
    while runner(turning.receiver, turning.before.feeding) and turning.clock.monotonic() < until:
        turning.clock.sleep(RUNNER_POLL_SECONDS)
    prepare_standby(turning.origin, turning.before.returning)


def _disarm(turning: Turning) -> None:
    """The old capture goes last: until then the way back does not write here, where it would fire."""
    disarm(turning.origin, turning.before.feeding)


def _strand(turning: Turning) -> None:
    """Who comes to the old primary from now on meets a database that is read-only. Without a pooler the applications themselves may
    still be connected, and read; so nobody is cut off."""
    for left in strand(turning.origin, ending=False):
        turning.report(Event("straggler", {"because": str(left)}))


def _views(turning: Turning) -> None:
    """Nobody waits for materialised views, so they are filled when writers are back."""
    for left in refresh_views(turning.receiver, turning.origin).left:
        turning.report(Event("materialised view", {"because": f"{left.object}: {left.why} {left.fix}"}))


BEFORE_COMMIT: tuple[Move, ...] = (
    ("open", _open),
    ("fence", _fence),
    ("drain", _drain),
    ("verify", _verify),
    ("ready", _ready),
    ("objects", _objects),
    ("sequences", _sequences),
    ("close", _close),
    ("commit", _commit),
)
AFTER_COMMIT: tuple[Move, ...] = (
    ("constraints", _constraints),
    ("reverse", _reverse),
    ("let-in", _let_in),
    ("standby", _standby),
    ("disarm", _disarm),
    ("strand", _strand),
    ("views", _views),
)
