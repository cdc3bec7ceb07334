"""Who may act now? One controller at a time, with a number that grows each time the lease changes hands.

Every line a controller writes to the journal carries its number, and a number that is not the latest is refused there, before the
deed: a controller that was suspended and overtaken stops at its next step.
"""

from __future__ import annotations

import os
import platform
import pwd
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import OfframpError, WaitingError
from ..kit.clock import Clock
from .journal import Journal, Value

LEASE_SECONDS = 30.0
# Six beats fit into a lease: one slow disk or one suspended laptop lid does not lose it.
BEAT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Holder:
    """A process as another process on the same machine can recognise it, even after its pid was used again.

    ``machine`` changes with every boot and with every pid namespace; ``started`` is the process's start in clock ticks since boot.
    """

    who: str
    machine: str
    pid: int
    started: int


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to act, as long as no larger ``fence`` exists."""

    fence: int
    holder: Holder
    taken: float
    expires: float

    def to_json(self) -> dict[str, Value]:
        return {
            "fence": self.fence,
            "who": self.holder.who,
            "pid": self.holder.pid,
            "taken": self.taken,
            "expires": self.expires,
        }


def this_process() -> Holder:
    """Describe the calling process."""
    pid = os.getpid()
    host = platform.node()
    return Holder(f"{user()}@{host} (process {pid})", _machine(host), pid, _started(pid) or 0)


def user() -> str:
    """The name of the account this process runs under."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _machine(host: str) -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{host}/{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return host


def _started(pid: int) -> int | None:
    """The start time of a running process (field 22 of proc(5) stat), or None when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def read(journal: Journal) -> Lease | None:
    """The lease that is held now, or None when nobody holds it or its holder is gone."""
    lease = _last(journal)
    if lease is None or lease.expires <= journal.clock.now() or _dead(lease.holder):
        return None
    return lease


def take(journal: Journal, holder: Holder, seconds: float = LEASE_SECONDS) -> Lease:
    """Take the lease. Raises WaitingError that names the holder and the lease's age when another controller has it."""
    now = journal.clock.now()
    last = _last(journal)
    dead_fence = last.fence if last and _dead(last.holder) else None
    row: dict[str, Value] = {"who": holder.who, "machine": holder.machine, "pid": holder.pid, "started": holder.started}
    row |= {"now": now, "expires": now + seconds, "dead_fence": dead_fence}
    if rows := journal.execute("take_lease", row):
        return Lease(int(rows[0][0] or 0), holder, now, now + seconds)
    raise _held(_last(journal), now)


def renew(journal: Journal, lease: Lease, seconds: float = LEASE_SECONDS) -> bool:
    """Prolong the lease; False when it has been taken over."""
    return bool(journal.execute("renew_lease", {"fence": lease.fence, "expires": journal.clock.now() + seconds}))


def release(journal: Journal, lease: Lease) -> None:
    """Give the lease back; no effect when it has been taken over."""
    journal.execute("release_lease", {"fence": lease.fence})


@contextmanager
def held(
    journal: Journal, holder: Holder, *, beat: Callable[[], None], seconds: float = LEASE_SECONDS
) -> Iterator[Lease]:
    """Take the lease, keep it alive from a thread of its own, and give it back at the end.

    ``beat`` is called from that thread every BEAT_SECONDS. Raises what ``take`` raises.
    """
    lease = take(journal, holder, seconds)
    over = threading.Event()
    thread = threading.Thread(
        target=_beat, args=(journal.path, journal.clock, lease, seconds, over, beat), name="lease", daemon=True
    )
    thread.start()
    try:
        yield lease
    finally:
        over.set()
        thread.join()
        release(journal, lease)


def _beat(
    path: Path, clock: Clock, lease: Lease, seconds: float, over: threading.Event, beat: Callable[[], None]
) -> None:
    """Renew until told to stop. A failure is not fatal here: the next fenced write of the controller tells the truth."""
    while not over.wait(BEAT_SECONDS):
        try:
            with Journal(path, clock) as journal:
                if not renew(journal, lease, seconds):
                    return
            beat()
        except (OfframpError, OSError):
            # Also when whoever listens has gone: the controller meets that itself, and needs its lease until then.
            continue


def _last(journal: Journal) -> Lease | None:
    rows = journal.execute("read_lease", {})
    if not rows:
        return None
    fence, who, machine, pid, started, taken, expires = rows[0]
    holder = Holder(str(who), str(machine), int(pid or 0), int(started or 0))
    return Lease(int(fence or 0), holder, float(taken or 0), float(expires or 0))


def _dead(holder: Holder) -> bool:
    """Whether the holder certainly ended: it ran on this machine, and its process is gone or is another one now."""
    return holder.machine == _machine(platform.node()) and _started(holder.pid) != holder.started


def _held(lease: Lease | None, now: float) -> WaitingError:
    if lease is None:
        return WaitingError("Another controller holds this migration.", hint="Try again in a moment.")
    return WaitingError(
        f"{lease.holder.who} holds this migration since {now - lease.taken:.0f} s.",
        hint="Wait until it ends, or end it; a holder that died is replaced by itself within "
        f"{max(0.0, lease.expires - now):.0f} s.",
    )
