"""What do both sides, the pooler and the links say about every wave?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack

from .. import pump
from ..design.model import Blueprint, Wave
from ..errors import OutsideError
from ..postgres import session_uses
from ..provision.model import footprint, stack_names
from ..pump import Link
from ..replicate.model import Direction, LinkProgress, Side, direction_from
from ..replicate.progress import progress_of
from ..tools import Tools
from . import caches
from . import open as hands
from .model import DatabaseSeen, Health, HoldReport, Seen, WaveSeen
from .moves import MOVES

# What counts as lately where there was no switch yet, and as before it where there was.
RECENTLY_SECONDS, BEFORE_SECONDS = 300.0, 900.0


def look(tools: Tools, want: Blueprint) -> Seen:
    """Read every wave. A pooler or database that does not answer is part of the picture, not an error."""
    return Seen(tuple(_wave(tools, want, wave) for wave in want.waves))


def _wave(tools: Tools, want: Blueprint, wave: Wave) -> WaveSeen:
    names = sorted(wave.databases)
    primary: Side = "heroku"
    epoch, open_epoch = 0, None
    open_direction: Direction | None = None
    hold: HoldReport | None = None
    reason, since = "", 0.0
    sides, held, reachable = _pooler(tools, want, wave)
    databases: list[DatabaseSeen] = []
    with ExitStack() as stack:
        for position, name in enumerate(names):
            link_url = tools.aws.secrets.get(f"{want.name}/link/{name}")
            rds = stack.enter_context(tools.connect(link_url, "offramp look")) if link_url else None
            if position == 0 and rds is not None and (record := pump.read_switch(rds)) is not None:
                if record.state == "committed":
                    epoch, primary = record.epoch, "aws" if record.direction == "forward" else "heroku"
                    reason, since = record.reason, record.at.timestamp()
                    hold = (
                        HoldReport(record.epoch, record.held_ms, _in_order(record.moves), tuple(record.notes))
                        if record.held_ms is not None
                        else None
                    )
                else:
                    # An open switch has not changed who is primary: that is where it comes from.
                    epoch, primary = record.epoch - 1, "heroku" if record.direction == "forward" else "aws"
                    open_epoch, open_direction = record.epoch, record.direction
            databases.append(_database(tools, want, name, rds, primary, epoch, sides.get(name), stack))
    moved = tools.aws.parameters.get(f"/{want.name}/caches/{wave.name}") == "aws"
    carried = moved and tools.aws.parameters.get(caches.carried_parameter(want, wave.name)) is not None
    return WaveSeen(
        wave=wave.name,
        primary=primary,
        epoch=epoch,
        open_epoch=open_epoch,
        open_direction=open_direction,
        held=held,
        databases=tuple(databases),
        cache_side="aws" if moved else "heroku",
        cache_users=caches.old_users(tools, want, wave.name) if moved and not carried else (),
        caches_carried=carried,
        hold=hold,
        pooler_reachable=reachable,
        health=_health(tools, want, since),
        heroku_jobs=tuple(_jobs(tools, want, wave)) if primary == "heroku" else (),
        reason=reason,
    )


def _in_order(spent: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """Return the moves' times in the order in which they were made; a database keeps them in another."""
    order = [move.name for move in MOVES]
    return tuple(sorted(spent.items(), key=lambda one: order.index(one[0]) if one[0] in order else len(order)))


def _health(tools: Tools, want: Blueprint, since: float) -> Health | None:
    """Ask the load balancer how requests fared since a switch, or lately; None while there is no load balancer."""
    foot = footprint(want, {name: tools.aws.stacks.outputs(name) for name in stack_names(want)})
    if foot is None:
        return None
    now, balancer, metrics = tools.clock.now(), foot.load_balancer_name, tools.aws.metrics
    counts = metrics.request_counts(balancer, since or now - RECENTLY_SECONDS, now)
    if not since:
        return Health(now, 0.0, counts.requests, counts.errors)
    after = metrics.slowest_percent(balancer, since, now)
    before = metrics.slowest_percent(balancer, since - BEFORE_SECONDS, since)
    return Health(now, since, counts.requests, counts.errors, _ms(after), _ms(before))


def _jobs(tools: Tools, want: Blueprint, wave: Wave) -> Iterator[str]:
    """A worker, a clock or a one-off job on Heroku would take work from the queue and fail on the closed database."""
    for app in sorted({service.app for service in want.services if not service.web} & set(wave.apps)):
        moved = {service.process for service in want.services if service.app == app and not service.web}
        yield from (f"{dyno.name} of {app}" for dyno in tools.heroku.dynos(app) if dyno.type in {*moved, "scheduler"})


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def _pooler(tools: Tools, want: Blueprint, wave: Wave) -> tuple[dict[str, str], bool, bool]:
    """Return where the pooler points, whether it holds a database of the wave, and whether it answers."""
    try:
        document = hands.read_pooler(tools, want)
        sides = dict(hands.door(tools, want, document).state().sides)
        with hands.console(tools, want, document) as console:
            paused = {row["name"] for row in console.databases() if row["paused"] == "1"}
    except OutsideError:
        return {}, False, False
    return sides, not paused.isdisjoint(wave.databases), True


def _database(
    tools: Tools,
    want: Blueprint,
    name: str,
    rds: hands.Connection | None,
    primary: Side,
    epoch: int,
    pooled_side: str | None,
    stack: ExitStack,
) -> DatabaseSeen:
    plan = want.database(name)
    url = tools.source_url_if_any(plan.app, plan.config_var)
    if rds is None or url is None:
        return DatabaseSeen(name, pooled_side, heroku_fenced=False, aws_fenced=False, progress=None)
    heroku = stack.enter_context(tools.connect(url, "offramp look"))
    link = Link(name, direction_from(primary), epoch)
    receiver = rds if primary == "heroku" else heroku
    progress: LinkProgress | None = progress_of(receiver, link)
    marks = {"heroku": pump.fenced(heroku), "aws": pump.fenced(rds)}
    standby: Side = "aws" if primary == "heroku" else "heroku"
    left = marks[standby]
    longest = next((one for one in pump.visitors(heroku if primary == "heroku" else rds) if one.in_transaction), None)
    return DatabaseSeen(
        name=name,
        pooled_side=pooled_side,
        heroku_fenced=marks["heroku"] is not None,
        aws_fenced=marks["aws"] is not None,
        progress=progress,
        runner=pump.runner(receiver, link) if progress is not None else "",
        stragglers=() if left is None else tuple(map(str, pump.visitors(heroku if standby == "heroku" else rds))),
        stranded=left is None or left.stranded,
        longest=str(longest or ""),
        longest_seconds=longest.seconds if longest else 0.0,
        free_share=pump.free_share(rds, plan.storage_gb << 30),
        sessions=tuple(map(str, session_uses(heroku))) if primary == "heroku" else (),
    )
