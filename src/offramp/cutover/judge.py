"""Which wave should switch now, which must be settled first, and what stands in the way?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..design.model import Blueprint
from ..engine.stage import Decisions
from ..engine.verdict import Ask, Do, Fact, Finding, Met, Verdict, Wait
from ..replicate.model import Direction, Side
from . import gates
from .model import CarryCaches, Deed, MoveCaches, Seen, SettleWave, SwitchWave, WaveSeen

LOOK_AGAIN_SECONDS = 2.0


def judge(want: Blueprint, seen: Seen, decisions: Decisions) -> Sequence[Finding[Deed]]:
    return tuple(_judge(want, seen, decisions))


def _judge(want: Blueprint, seen: Seen, decisions: Decisions) -> Iterator[Finding[Deed]]:
    retired = decisions.get("retire") == "approve"
    for wave in seen.waves:
        if retired:
            yield Finding(f"cutover/{wave.wave}", Met(f"{wave.wave} lives on AWS alone"))
            continue
        yield Finding(f"cutover/{wave.wave}", _wave(want, wave, decisions), _facts(want, wave))
        if want.wave(wave.wave).caches:
            yield Finding(f"cutover/{wave.wave}/caches", _caches(want, wave))
            yield Finding(f"cutover/{wave.wave}/queue", _queue(want, wave))


def _facts(want: Blueprint, wave: WaveSeen) -> tuple[tuple[str, Fact], ...]:
    facts: list[tuple[str, Fact]] = [
        ("wave", wave.wave),
        ("primary", wave.primary),
        ("epoch", wave.epoch),
        ("held", wave.held),
    ]
    facts += [
        (f"gate {gate.name}", f"{'shut' if gate.shut else 'open'}: {gate.shows}")
        for gate in gates.gates(wave, want.cutover)
    ]
    if wave.hold and wave.hold.epoch == wave.epoch:
        facts.append(("held_ms", wave.hold.held_ms))
        facts += [(f"{name}_ms", ms) for name, ms in wave.hold.moves]
        facts += [(f"note {number}", note) for number, note in enumerate(wave.hold.notes, 1)]
    if wave.health:
        facts += [("requests", wave.health.requests), ("errors", wave.health.errors), ("p99_ms", wave.health.p99_ms)]
        facts.append(("before_p99_ms", wave.health.before_p99_ms))
    strays = [one for database in wave.databases for one in database.stragglers]
    facts += [(f"straggler {number}", one) for number, one in enumerate(strays, 1)]
    return tuple(facts)


def _wave(want: Blueprint, wave: WaveSeen, decisions: Decisions) -> Verdict[Deed]:
    answer = decisions.get(f"cutover/{wave.wave}")
    if (unfinished := _unfinished(want, wave)) is not None:
        waiting = "; the applications' writes are held until it is settled" if wave.held else ""
        return Do((unfinished,), because=f"a switch began and did not end{waiting}")
    wanted: Side = "aws" if answer == "go" else "heroku"
    if wave.primary != wanted and answer is not None:
        if wave.reason and decisions.get(again := f"bake/{wave.wave}-{wave.epoch}") != "again":
            return Ask(again, f"the switch was taken back by itself: {wave.reason}", ("again",))
        return _switch(want, wave, wanted)
    if answer == "go":
        return _baked(want, wave, decisions)
    because = f"Heroku is primary (epoch {wave.epoch})"
    if answer == "back":
        because = f"rolled back: {because}"
    if shut := gates.shut(gates.gates(wave, want.cutover)):
        because += f"; not ready: {shut[0]}"
    else:
        because += "; ready to switch"
    return Ask(f"cutover/{wave.wave}", because, answers=("go",))


def _baked(want: Blueprint, wave: WaveSeen, decisions: Decisions) -> Verdict[Deed]:
    """For some time after a switch to AWS its errors and p99 are compared with those before."""
    plan, health, decision = want.cutover, wave.health, f"bake/{wave.wave}-{wave.epoch}"
    told = f"AWS is primary since epoch {wave.epoch}{_held(wave)}"
    left = health.since + plan.bake_seconds - health.now if health and health.since else 0.0
    if left > 0 and decisions.get(decision) != "keep":
        if because := gates.breach(health, plan):
            if plan.on_breach == "rollback":
                return _switch(want, wave, "heroku", because)
            return Ask(
                decision,
                f"{because}; `offramp rollback {wave.wave}` goes back with every write, `keep` stays",
                ("keep",),
            )
        return Wait(f"{told}; its errors and p99 are watched for {left:.0f} s more", min(LOOK_AGAIN_SECONDS, left))
    return Met(f"{told}; the way back is open while the reverse link is live{_strays(wave)}")


def _held(wave: WaveSeen) -> str:
    return f", writers were held {wave.hold.held_ms:.0f} ms" if wave.hold and wave.hold.epoch == wave.epoch else ""


def _strays(wave: WaveSeen) -> str:
    """Return who still comes to the old primary, for the one screen; it can do no harm there, but somebody forgot it."""
    found = [(database.name, one) for database in wave.databases for one in database.stragglers]
    if not found:
        return ""
    name, first = found[0]
    return f"; {len(found)} still connected to the old primary of {name}, which refuses their writes: {first}"


def _switch(want: Blueprint, wave: WaveSeen, wanted: Side, reason: str = "") -> Verdict[Deed]:
    if shut := gates.shut(gates.gates(wave, want.cutover)):
        return Wait(shut[0], 0.5)
    direction: Direction = "forward" if wanted == "aws" else "reverse"
    because = reason or f"it was decided to make {wanted} primary"
    return Do((SwitchWave(wave.wave, direction, wave.epoch + 1, want, reason),), because=because)


def _unfinished(want: Blueprint, wave: WaveSeen) -> SettleWave | None:
    """A switch is unfinished while it is open, or its fence, hold or pooler do not agree with its outcome."""
    direction: Direction = "forward" if wave.primary == "aws" else "reverse"
    if wave.open_epoch is not None and wave.open_direction is not None:
        return SettleWave(wave.wave, wave.open_direction, wave.open_epoch, want)
    misplaced = any(db.pooled_side not in (None, wave.primary) for db in wave.databases)
    primary_fenced = any(db.aws_fenced if wave.primary == "aws" else db.heroku_fenced for db in wave.databases)
    left_open = wave.epoch > 0 and not all(db.stranded for db in wave.databases)
    if wave.held or misplaced or primary_fenced or left_open:
        return SettleWave(wave.wave, direction, wave.epoch, want)
    return None


def _queue(want: Blueprint, wave: WaveSeen) -> Verdict[Deed]:
    """What is queued follows when the last process has let go of the old cache: earlier it could be taken on both sides."""
    if wave.caches_carried:
        return Met("queued jobs and sessions are on AWS")
    if wave.cache_side != "aws":
        return Met("queued jobs and sessions stay with the caches on Heroku")
    if wave.cache_users:
        first = f"{wave.cache_users[0]} still uses a cache on Heroku"
        # Services are rolled over to the new caches by `deploy`, and the way back is opened by `replicate`.
        return Wait(f"{first}; its jobs and sessions follow when nobody does", LOOK_AGAIN_SECONDS, others=True)
    return Do((CarryCaches(wave.wave, want),), because="nobody uses the caches on Heroku any more")


def _caches(want: Blueprint, wave: WaveSeen) -> Verdict[Deed]:
    if wave.cache_side == "aws":
        return Met("the caches are on AWS")
    if wave.epoch == 0 or wave.primary != "aws":
        return Met("the caches stay on Heroku until the databases have moved")
    return Do((MoveCaches(wave.wave, want),), because="the databases are on AWS and the caches are not")
