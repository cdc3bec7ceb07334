"""``offramp pump``: the commands for people who only want one live database moved, with no estate around it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

import click

from ..engine.acting import Interrupt
from ..errors import RefusedError
from ..pump import metrics, standalone
from ..pump.model import Event
from ..pump.observing import Observer
from ..pump.session import Means
from ..pump.standalone import Checked, Pair
from ..pump.turning import Turned
from . import options, pump_live
from . import pump_words as words
from .pump_options import ByteCount, following, of_pair, within
from .shell import Answer, Shell

SWITCH_SECONDS, LOCK_SECONDS, VERIFY_SECONDS = 60.0, 10.0, 3600.0
SIGNALS = (signal.SIGTERM, signal.SIGINT)


@click.group()
def pump() -> None:
    """Move one live PostgreSQL database, with no estate around it.

    SRC and DST are libpq URLs (postgres://user@host/database), service=NAME, or the bare name of a service in pg_service.conf. A
    password in an argument can be read in the list of processes: leave SRC and DST out and set OFFRAMP_SOURCE_URL and
    OFFRAMP_TARGET_URL instead, keep the password in a passfile, or give commands that print fresh URLs.

    First check, then start, which runs until you stop it; status and verify while it runs; then finish, back if need be, and
    remove at the end.
    """


@pump.command(short_help="Say what will not carry, with the fix.")
@of_pair
def check(shell: Shell, both: Pair) -> Answer:
    """Say what will not carry by itself, by name, with the fix. Changes nothing."""
    found = standalone.preflight(both)
    after = None if found.blocking else following("status" if found.begun else "start", both)
    return Answer(words.fields(found), words.checked(found), 1 if found.blocking else 0, after)


@pump.command(short_help="Move the rows and keep both sides equal.")
@click.option(
    "--owner", metavar="ROLE", help="The role that shall own the tables on the target; who connects, if not given."
)
@click.option("--pg-bin", type=click.Path(file_okay=False, path_type=Path), envvar="OFFRAMP_PG_BIN",
              help="Where pg_dump and pg_restore are; the PATH if not given.")  # fmt: skip
@click.option("--metrics", "listen", metavar="HOST:PORT", help="Serve Prometheus metrics there, at /metrics.")
@click.option("--max-rate", metavar="BYTES", type=ByteCount(), help="Copy at most so many bytes a second, say 20MB.")
@click.option("--max-source-load", metavar="N", type=click.FloatRange(min=0, min_open=True),
              help="Slow down while more sessions than this are busy on the source.")  # fmt: skip
@click.option("--jobs", metavar="N", default=Means().jobs, show_default=True, type=click.IntRange(min=1),
              help="How many streams copy at once.")  # fmt: skip
@click.option("--silence", metavar="SECONDS", default=Means().silence_seconds, show_default=True,
              type=click.FloatRange(min=60), help="Give up the link when no pump has read the log for so long.")  # fmt: skip
@click.option("--log-cap", metavar="BYTES", type=ByteCount(),
              help="Give up the link, rather than the source's disk, when the log of changed keys grows beyond this.")  # fmt: skip
@options.yes
@of_pair
def start(
    shell: Shell,
    both: Pair,
    owner: str | None,
    pg_bin: Path | None,
    listen: str | None,
    max_rate: int | None,
    max_source_load: float | None,
    jobs: int,
    log_cap: int | None,
    silence: float,
    yes: bool,
) -> Answer:
    """Move the rows and keep both sides equal, until stopped by Ctrl-C or SIGTERM; then go on from there by the same command.

    After `finish` it turns round by itself and feeds the source from the target, as the way back.
    """
    where = metrics.address(listen) if listen else None
    means = Means(
        owner=owner, dump_tools=pg_bin, max_rate_bytes=max_rate, max_source_load=max_source_load, jobs=jobs,
        log_cap_bytes=log_cap, silence_seconds=silence,
    )  # fmt: skip
    both = replace(both, means=means)
    found = standalone.preflight(both)
    if not found.begun:
        _demand_carried(found)
        shell.agree(words.beginning(found), yes=yes)
    _follow(shell, both, where)
    return Answer(
        {}, "Stopped after the batch in flight; nothing is lost, and the same command goes on from here.",
        next=following("status", both),
    )  # fmt: skip


def _demand_carried(found: Checked) -> None:
    if found.blocking:
        first = found.blocking[0]
        raise RefusedError(
            f"{len(found.blocking)} things are in the way, the first: {first.object}: {first.why}",
            hint=f"{first.fix} `offramp pump check` names all of them.",
        )


def _follow(shell: Shell, both: Pair, where: tuple[str, int] | None) -> None:
    """Run the link until a signal says stop."""
    heard: list[Callable[[Event], None]] = []

    def report(event: Event) -> None:
        heard[0](event)

    observer = Observer(both.name, both.source.ask, both.target.ask, both.means.clock, report)
    with ExitStack() as stack:
        if where is not None:
            url = stack.enter_context(metrics.served(where, lambda: observer.seen))
            shell.say(f"Metrics are at {url}.")
        heard.append(stack.enter_context(pump_live.telling(lambda: observer.seen, as_json=shell.json)))
        asked = stack.enter_context(_until_signalled())
        standalone.follow(both, observer, stop=asked.is_set, report=report)


@contextmanager
def _until_signalled() -> Iterator[threading.Event]:
    """Yield what SIGTERM or Ctrl-C sets; a second one ends the program at once, which loses nothing either."""
    asked = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        asked.set()
        signal.signal(number, before[number])

    before = {int(number): signal.signal(number, ask) for number in SIGNALS}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pump.command(short_help="Say how far it is, and what is held back.")
@of_pair
def status(shell: Shell, both: Pair) -> Answer:
    """Say who is primary, how far the copy is, how far behind, what was verified, what is held back and why."""
    seen = standalone.look(both)
    body = {"schema": "offramp/link/1", **words.overview_fields(seen)}
    return Answer(body, words.overview(seen), next=following(_after(seen), both))


def _after(seen: standalone.Overview) -> str:
    if seen.link is None or not seen.running:
        return "start"
    if seen.primary_fenced:
        return "finish" if seen.epoch % 2 == 0 else "back"
    if seen.link.phase != "live":
        return "status"
    if seen.link.verified_share < 1:
        return "verify"
    return "finish" if seen.primary == "source" else "back"


@pump.command(short_help="Compare both sides row by row.")
@click.option("--wait", is_flag=True, help="Wait until every row has been verified since this call.")
@within(VERIFY_SECONDS, "Wait no longer than this.")
@of_pair
def verify(shell: Shell, both: Pair, wait: bool, seconds: float) -> Answer:
    """Say which share of the rows was found equal on both sides, and which were not.

    The running pump checks a little with every batch, at the same instant on both sides. A closed and drained pair is compared at once.
    """
    with pump_live.proving(as_json=shell.json) as tell:
        proof = standalone.verify(both, wait=wait, seconds=seconds, progress=tell)
    after = "finish" if proof.complete else "status"
    return Answer(words.fields(proof), words.proof(proof), 1 if proof.standing else 0, following(after, both))


@pump.command(short_help="Close the primary to writers.")
@within(LOCK_SECONDS, "Give up when writers in flight take longer to end.")
@options.yes
@of_pair
def fence(shell: Shell, both: Pair, seconds: float, yes: bool) -> Answer:
    """Close the primary to writers, and see that the standby gets every write there was."""
    shell.agree("Every writer of the primary is about to be refused, until `offramp pump unfence`.", yes=yes)
    done = standalone.shut(both, seconds=seconds)
    return Answer(
        words.fields(done), words.shut(done), next=following("finish" if done.primary == "source" else "back", both)
    )


@pump.command(short_help="Let writers into the primary again.")
@within(LOCK_SECONDS, "Give up when a table cannot be locked for so long.")
@options.yes
@of_pair
def unfence(shell: Shell, both: Pair, seconds: float, yes: bool) -> Answer:
    """Let writers into the primary again; takes back a switch that did not come to its end."""
    shell.agree("Writers of the primary are about to be let in again.", yes=yes)
    done = standalone.let_in(both, seconds=seconds)
    return Answer(words.fields(done), words.let_in(done), next=following("status", both))


@pump.command(short_help="Make the target the primary.")
@within(SWITCH_SECONDS, "Take everything back when it takes longer.")
@options.yes
@options.crash_at
@of_pair
def finish(shell: Shell, both: Pair, seconds: float, yes: bool, interrupt: Interrupt) -> Answer:
    """Make the target the primary: fence, drain, verify, sequences, the way back armed, and only then the first write."""
    return _switch(shell, both, "target", standalone.finish, seconds, yes, interrupt)


@pump.command(short_help="Make the source the primary again.")
@within(SWITCH_SECONDS, "Take everything back when it takes longer.")
@options.yes
@options.crash_at
@of_pair
def back(shell: Shell, both: Pair, seconds: float, yes: bool, interrupt: Interrupt) -> Answer:
    """Make the source the primary again, with every write that the target took."""
    return _switch(shell, both, "source", standalone.back, seconds, yes, interrupt)


def _switch(
    shell: Shell,
    both: Pair,
    to: str,
    make: Callable[..., Turned],
    seconds: float,
    yes: bool,
    interrupt: Interrupt,
) -> Answer:
    seen = standalone.look(both)
    if seen.primary != to:
        shell.agree(words.switch_plan(seen, to, seconds), yes=yes)
    done = make(both, seconds=seconds, report=_say(shell), interrupt=interrupt)
    place = seen.target if done.primary == "target" else seen.source
    return Answer(words.fields(done), words.turned(done, place.url), next=following("status", both))


def _say(shell: Shell) -> Callable[[Event], None]:
    """Tell each event where talk goes; with ``--json`` as one object a line on stdout."""
    if shell.json:
        return pump_live.Json(lambda: None, time.time, time.monotonic).hear
    return lambda event: shell.say(words.event(event) or event.what)


@pump.command(short_help="Read one table again as a whole.")
@click.argument("table")
@of_pair
def resync(shell: Shell, both: Pair, table: str) -> Answer:
    """Read TABLE (schema.name) again as a whole, for instance after it was held back."""
    done = standalone.resync(both, table)
    return Answer(
        words.fields(done), f"{done.table} is read again by the running pump.", next=following("status", both)
    )


@pump.command(short_help="Begin a dead link again.")
@options.yes
@of_pair
def revive(shell: Shell, both: Pair, yes: bool) -> Answer:
    """Install the capture of a link that gave up, say because its log grew too big, and have every table read again."""
    shell.agree("Capture is about to be installed on the primary again, and every table read as a whole.", yes=yes)
    done = standalone.revive(both)
    return Answer(
        words.fields(done), f"{done.tables} tables are read again by the next pump.", next=following("start", both)
    )


@pump.command(short_help="Take everything of ours off both sides.")
@options.yes
@of_pair
def remove(shell: Shell, both: Pair, yes: bool) -> Answer:
    """Take everything of ours off both sides: triggers, functions, schema offramp."""
    shell.agree(words.removal_plan(standalone.look(both)), yes=yes)
    done = standalone.clear(both)
    return Answer(words.fields(done), words.removed(done), 3 if done.left else 0)
