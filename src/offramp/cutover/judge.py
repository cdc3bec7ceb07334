"""Which wave should switch now, which must be settled first, and what stands in the way?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..design.model import Blueprint
from ..engine.stage import Decisions
from ..engine.verdict import Ask, Do, Fact, Finding, Met, Verdict, Wait
from ..replicate.model import Direction, Side
from .model import Deed, MoveCaches, Seen, SettleWave, SwitchWave, WaveSeen, gates


def judge(want: Blueprint, seen: Seen, decisions: Decisions) -> Sequence[Finding[Deed]]:
    return tuple(_judge(want, seen, decisions))


def _judge(want: Blueprint, seen: Seen, decisions: Decisions) -> Iterator[Finding[Deed]]:
    retired = decisions.get("retire") == "approve"
    for wave in seen.waves:
        if retired:
            yield Finding(f"cutover/{wave.wave}", Met(f"{wave.wave} lives on AWS alone"))
            continue
        answer = decisions.get(f"cutover/{wave.wave}")
        yield Finding(f"cutover/{wave.wave}", _wave(want, wave, answer), _facts(wave))
        if want.wave(wave.wave).caches:
            yield Finding(f"cutover/{wave.wave}/caches", _caches(want, wave))


def _facts(wave: WaveSeen) -> tuple[tuple[str, Fact], ...]:
    facts: tuple[tuple[str, Fact], ...] = (
        ("wave", wave.wave),
        ("primary", wave.primary),
        ("epoch", wave.epoch),
        ("held", wave.held),
    )
    if wave.hold and wave.hold.epoch == wave.epoch:
        return (*facts, ("held_ms", wave.hold.held_ms), *((f"{name}_ms", ms) for name, ms in wave.hold.moves))
    return facts


def _wave(want: Blueprint, wave: WaveSeen, answer: str | None) -> Verdict[Deed]:
    if (unfinished := _unfinished(want, wave)) is not None:
        return Do((unfinished,), because="a switch began and did not end")
    wanted: Side = "aws" if answer == "go" else "heroku"
    if wave.primary != wanted and answer is not None:
        return _switch(want, wave, wanted)
    if answer == "go":
        return Met(
            f"AWS is primary since epoch {wave.epoch}{_held(wave)}; the way back is open while the reverse link is live"
        )
    because = f"Heroku is primary (epoch {wave.epoch})"
    if answer == "back":
        because = f"rolled back: {because}"
    if shut := gates(wave, want.cutover.max_lag_seconds):
        because += f"; not ready: {shut[0]}"
    else:
        because += "; ready to switch"
    return Ask(f"cutover/{wave.wave}", because, answers=("go",))


def _held(wave: WaveSeen) -> str:
    return f", writers were held {wave.hold.held_ms:.0f} ms" if wave.hold and wave.hold.epoch == wave.epoch else ""


def _switch(want: Blueprint, wave: WaveSeen, wanted: Side) -> Verdict[Deed]:
    if shut := gates(wave, want.cutover.max_lag_seconds):
        return Wait(shut[0], 0.5)
    direction: Direction = "forward" if wanted == "aws" else "reverse"
    return Do(
        (SwitchWave(wave.wave, direction, wave.epoch + 1, want),), because=f"it was decided to make {wanted} primary"
    )


def _unfinished(want: Blueprint, wave: WaveSeen) -> SettleWave | None:
    """A switch is unfinished while it is open, or its fence, hold or pooler do not agree with its outcome."""
    direction: Direction = "forward" if wave.primary == "aws" else "reverse"
    if wave.open_epoch is not None and wave.open_direction is not None:
        return SettleWave(wave.wave, wave.open_direction, wave.open_epoch, want)
    misplaced = any(db.pooled_side not in (None, wave.primary) for db in wave.databases)
    primary_fenced = any(db.aws_fenced if wave.primary == "aws" else db.heroku_fenced for db in wave.databases)
    if wave.held or misplaced or primary_fenced:
        return SettleWave(wave.wave, direction, wave.epoch, want)
    return None


def _caches(want: Blueprint, wave: WaveSeen) -> Verdict[Deed]:
    if wave.cache_side == "aws":
        return Met("the caches are on AWS")
    if wave.epoch == 0 or wave.primary != "aws":
        return Met("the caches stay on Heroku until the databases have moved")
    return Do((MoveCaches(wave.wave, want),), because="the databases are on AWS and the caches are not")
