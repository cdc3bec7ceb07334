"""How does a link get from an empty target to its live phase? Schema, capture, copy, keys, one batch that settles it, indexes."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import sql

from .. import postgres
from ..errors import RefusedError, WaitingError
from . import capture, guarding, schema, shape, surroundings, views, window
from .adapting import adapt, remember, sketch
from .apply import RejectedError, remove_logged
from .archive import Statement
from .aside import both
from .building import Task, analyze, at_once, trees
from .copying import Copier
from .fencing import pass_through
from .following import Following
from .logs import Logs
from .model import Event, Link
from .objects import carry_objects
from .session import Session
from .state import LinkRow
from .window import ShapeChangedError, Source

# How long the server may take to notice that the runner before us was killed.
TAKEOVER_SECONDS = 3.0
# A runner lives when the origin hears its heartbeat, every second, or the receiver hears of its work.
SILENT_SECONDS = 15.0
# All of its tables stay locked until capture is off the last one.
DISARM_SECONDS = 1.0


def own_the_receiver(session: Session) -> None:
    """Become the link's only runner, with the rights it needs. Raises WaitingError or RefusedError."""
    until = session.clock.monotonic() + TAKEOVER_SECONDS
    while not session.ledger.lock():
        _end_silent(session)
        if session.stop() or session.clock.monotonic() > until:
            raise WaitingError(f"Another process runs the link {session.link.name}; this one waits.")
        session.clock.sleep(0.1)
    try:
        session.receiver.execute("set session_replication_role = replica")
        session.replica = True
    except psycopg.errors.InsufficientPrivilege:
        if session.link.direction == "forward":
            raise RefusedError(
                "The receiving role may not set session_replication_role, so triggers and foreign keys would alter rows.",
                hint="On RDS use the master user (rds_superuser), or `grant set on parameter session_replication_role`.",
            ) from None
        pass_through(session.receiver)


def _end_silent(session: Session) -> None:
    """End the runner that holds the link when neither server hears of it: something between them and it swallowed its lines.

    Its sessions would keep the link's lock for as long as that something keeps the lines.
    """
    silent = guarding.silence(session.origin, session.consumer)
    if silent is not None and silent < SILENT_SECONDS:
        return
    if ended := session.ledger.end_silent(session.link.program, SILENT_SECONDS):
        session.report(Event("silent runner ended", {"sessions": ended}))


def begin(session: Session) -> LinkRow | None:
    """Return the link's row, after making it when this is a first start; None when stopped before that."""
    while not session.stop():
        row = session.ledger.link()
        if row is None and session.link.direction == "reverse":
            _wait(session, "the reverse link is not armed yet")
        elif row is None:
            return _start(session)
        elif row.epoch > session.link.epoch:
            _wait(session, "a later epoch owns the receiving side")
        elif row.epoch < session.link.epoch:
            _wait(session, f"epoch {session.link.epoch} is not armed yet")
        elif _would_be_captured(session) and not (row.admitted and _disarm(session)):
            _wait(session, "the receiving side still captures what this link would apply; disarm it first")
        else:
            session.ledger.admit()
            return row
    return None


def _disarm(session: Session) -> bool:
    """Take away capture that a switch installed ahead; False when somebody is in the way.

    Only where the link has worked at this epoch before: then the last switch was made to its end, so this is another one's, which
    was undone, or which installs it again behind its fence.
    """
    link = session.link
    back = Link(link.name, "forward" if link.direction == "reverse" else "reverse", link.epoch + 1)
    try:
        with session.still_ours():
            capture.uninstall(session.receiver, link=back, clock=session.clock, seconds=DISARM_SECONDS)
    except WaitingError as error:
        session.report(Event("capture not removed", {"because": error.message}))
        return False
    return not _would_be_captured(session)


def _would_be_captured(session: Session) -> bool:
    """Reverse capture, installed ahead of a switch, does not fire for a replica-role session; all other capture does."""
    return any(
        captured.direction == "forward" or not session.replica
        for captured in capture.register(session.receiver).values()
    )


def _wait(session: Session, because: str) -> None:
    session.report(Event("link waits", {"because": because}))
    session.rest(1.0)


def _start(session: Session) -> LinkRow:
    """Install capture while the schema is dumped, then make the tables and the link's row in one transaction."""
    session.dumper.demand(session.server)
    schema.demand_empty(session.receiver)
    drawn = sketch(session)
    tables = postgres.tables(session.origin)
    tables = tuple(table for table in tables if shape.holds_rows(table))
    installed, archive = both(
        lambda: capture.install(session.origin, session.link, tables, stop=session.stop, clock=session.clock),
        session.dumper.archive,
    )
    session.archive = archive
    session.report(Event("capture installed", {"tables": len(tables), "new": len(installed)}))
    tables = postgres.tables(session.origin, [table.oid for table in tables])
    with window.opened(session.origin) as opened:
        look = opened.look([table.oid for table in tables])
    for concern in schema.prepare_database(session.receiver, session.origin, session.means.owner):
        session.report(Event("not carried", {"object": concern.object, "because": concern.why}))
    pieces = archive.statements("pre-data", schema.carried(schema.own_triggers(session.origin)))
    with session.receiver.transaction():
        schema.restore(session.receiver, pieces, session.means.owner)
        session.ledger.create()
        session.ledger.start("copy", look.snapshot, session.server.identity, indexed=False)
        for table in tables:
            session.ledger.add(table, "copy", look.fingerprints[table.oid])
        remember(session, drawn)
    session.report(Event("schema carried over", {"tables": len(tables)}))
    row = session.ledger.link()
    assert row is not None
    return row


def copy(session: Session) -> bool:
    """Copy every table that is not copied yet, biggest first; False when stopped."""
    while not session.stop():
        left = [moved for moved in session.ledger.tables() if moved.state == "copy"]
        if not left:
            session.ledger.set_phase("index")
            return True
        left.sort(key=lambda moved: -moved.rows_estimate)
        for moved, error in Copier(session, session.sources()).copy(left):
            match error:
                case ShapeChangedError():
                    adapt(session, moved, copying=True)
                case RejectedError(reason=reason):
                    session.report(Event("table held", {"table": moved.full_name, "because": reason}))
                    session.ledger.set_table(moved.relid, "paused", because=f"Rejected: {reason}")
                case _:
                    session.report(Event("copy begins anew", {"table": moved.full_name, "because": str(error)}))
    return False


def index(session: Session, row: LinkRow) -> None:
    """Build what the copy left out, unless an earlier process did, and open the link."""
    sources = session.sources()
    if not row.indexed and not _build(session, sources):
        return
    session.ledger.set_phase("live")
    session.report(Event("link live", {"tables": len(sources)}))


def _build(session: Session, sources: dict[int, Source]) -> bool:
    """Keys, then one batch that makes the receiver equal a moment of the origin, then all that depends on that."""
    if not _build_keys(session, sources):
        return False
    session.report(Event("keys built", {"tables": len(sources)}))
    if not Following(session).settle():
        return False
    return _restore_rest(session, sources)


def _build_keys(session: Session, sources: dict[int, Source]) -> bool:
    """Give each table the key that batches need, once rows that may have been copied twice are gone."""
    there = {(table.schema, table.name): table for table in postgres.tables(session.receiver)}
    tasks: list[Task] = []
    for source in sorted(sources.values(), key=lambda source: -source.table.rows):
        table = source.table
        here = there.get((table.schema, table.name))
        if here is None or here.key or not table.key or not table.key_definition:
            continue
        if len(session.ledger.ranges(table.oid)) > 1:
            _remove_logged(session, source)
        tasks.append(_statement(table.key_definition))
    return at_once(session, tasks)


def _remove_logged(session: Session, source: Source) -> None:
    """Ranges were read at different moments, so a row that was written to may be there twice: the first batch brings it anew."""
    row = session.ledger.link()
    assert row is not None
    logs = Logs(session.origin)
    logs.refresh()
    with window.opened(session.origin) as opened:
        opened.allow_scans()
        removed = remove_logged(
            session.origin, session.receiver, source.table, window.only_keys(source, logs, row.position)
        )
    if removed:
        session.report(Event("changed rows set aside", {"table": source.table.full_name, "rows": removed}))


def _statement(text: str) -> Task:
    # As the origin's catalogue prints it.
    return lambda side: side.execute(sql.SQL(text))


def _restore_rest(session: Session, sources: dict[int, Source]) -> bool:
    taken = [
        (schema.CONSTRAINTS, source.table.key_constraint)
        if source.table.key_constraint
        else (schema.RELATIONS, source.table.key_index)
        for source in sources.values()
        if source.table.key
    ]
    made = schema.depending_on(session.origin, session.receiver).union(taken)
    archive = session.archive or session.dumper.archive()
    pieces = archive.statements("post-data", schema.carried(schema.own_triggers(session.origin), made))
    if not _build_indexes(session, sources, pieces):
        return False
    refreshed = views.refresh_views(session.receiver, session.origin)
    said = (
        *refreshed.left,
        *surroundings.carry_surroundings(session.origin, session.receiver, session.means.owner),
        # Ahead of the fence, so that only what changes until then is left to be written while writers are held.
        *carry_objects(session.origin, session.receiver, session.means.owner).left,
    )
    for concern in said:
        session.report(Event("not carried", {"object": concern.object, "because": concern.why}))
    session.ledger.set_indexed()
    session.report(Event("indexes and constraints built", {"tables": len(sources)}))
    return True


def _build_indexes(session: Session, sources: dict[int, Source], pieces: Sequence[Statement]) -> bool:
    """Indexes and constraints of different tables at once, and statistics; then what needs them, in the dump's order."""
    owner = session.means.owner
    sizes = {(source.table.schema, source.table.name): source.table.rows for source in sources.values()}
    first = [piece for piece in pieces if piece.kind in ("index", "constraint")]
    by_table: dict[tuple[str, str], list[Statement]] = {}
    for piece in first:
        by_table.setdefault(piece.table or ("", ""), []).append(piece)

    def finish(table: tuple[str, str], own: Sequence[Statement]) -> Task:
        def work(side: postgres.Connection) -> None:
            for piece in own:
                schema.build(side, piece, owner)
            if table in sizes:
                analyze(*table)(side)

        return work

    order = sorted({*by_table, *sizes}, key=lambda table: -sizes.get(table, 0))
    if not at_once(session, [finish(table, by_table.get(table, ())) for table in order]):
        return False
    if not at_once(session, [analyze(*tree) for tree in trees(session)]):
        return False
    for piece in pieces:
        if session.stop():
            return False
        if piece.kind not in ("index", "constraint"):
            schema.build(session.receiver, piece, owner)
    return True
