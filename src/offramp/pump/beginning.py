"""How does a link get from an empty target to its live phase? Schema, capture, copy, keys, one batch that settles it, indexes."""

from __future__ import annotations

import psycopg

from .. import postgres
from ..errors import RefusedError, WaitingError
from . import capture, schema, window
from .adapting import adapt
from .apply import RejectedError
from .copying import Copier
from .fencing import pass_through
from .following import Following
from .model import Event
from .session import Session
from .state import LinkRow
from .window import ShapeChangedError, Source

# How long the server may take to notice that the runner before us was killed.
TAKEOVER_SECONDS = 3.0


def own_the_receiver(session: Session) -> None:
    """Become the link's only runner, with the rights it needs. Raises WaitingError or RefusedError."""
    until = session.clock.monotonic() + TAKEOVER_SECONDS
    while not session.ledger.lock():
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
        elif _would_be_captured(session):
            _wait(session, "the receiving side still captures what this link would apply; disarm it first")
        else:
            return row
    return None


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
    """Install capture, then make the tables and the link's row in one transaction."""
    session.dumper.demand(session.server)
    schema.demand_empty(session.receiver)
    tables = tuple(table for table in postgres.tables(session.origin) if not table.in_tree)
    installed = capture.install(session.origin, session.link, tables, stop=session.stop, clock=session.clock)
    session.report(Event("capture installed", {"tables": len(tables), "new": len(installed)}))
    tables = postgres.tables(session.origin, [table.oid for table in tables])
    with window.opened(session.origin) as opened:
        look = opened.look([table.oid for table in tables])
    text = session.dumper.text("pre-data", schema.carried(schema.own_triggers(session.origin)))
    schema.prepare_database(session.receiver, session.origin, session.means.owner)
    with session.receiver.transaction():
        schema.restore(session.receiver, text, session.means.owner)
        session.ledger.create()
        session.ledger.start("copy", look.snapshot, session.server.identity, indexed=False)
        for table in tables:
            session.ledger.add(table, "copy", look.fingerprints[table.oid])
    session.report(Event("schema carried over", {"tables": len(tables)}))
    row = session.ledger.link()
    assert row is not None
    return row


def demand_same_origin(session: Session, row: LinkRow) -> None:
    """A promoted standby or a restored copy may lack transactions and log entries that we have seen: read all again."""
    if row.origin == session.server.identity:
        return
    session.report(Event("origin changed", {"was": row.origin, "is": session.server.identity}))
    with window.opened(session.origin) as opened:
        look = opened.look([])
    with session.receiver.transaction():
        session.ledger.new_origin(session.server.identity, look.snapshot)
        session.ledger.reload_all()


def copy(session: Session) -> bool:
    """Copy every table that is not copied yet, biggest first; False when stopped."""
    copier = Copier(session.origin, session.receiver, session.ledger, session.report, session.stop)
    sources = session.sources()
    for moved in sorted(session.ledger.tables(), key=lambda moved: -moved.rows_estimate):
        if moved.state != "copy":
            continue
        try:
            if moved.relid not in sources:
                raise ShapeChangedError(moved.relid)
            if not copier.copy_table(sources[moved.relid], moved.fingerprint):
                return False
        except ShapeChangedError:
            adapt(session, moved)
        except RejectedError as error:
            session.report(Event("table held", {"table": moved.full_name, "because": error.reason}))
            session.ledger.set_table(moved.relid, "paused", because=f"Rejected: {error.reason}")
    session.ledger.set_phase("index")
    return True


def index(session: Session, row: LinkRow) -> None:
    """Build what the copy left out, unless an earlier process did, and open the link."""
    sources = session.sources()
    if not row.indexed and not _build(session, sources):
        return
    schema.analyze(session.receiver, (source.table for source in sources.values()))
    session.ledger.set_phase("live")
    session.report(Event("link live", {"tables": len(sources)}))


def _build(session: Session, sources: dict[int, Source]) -> bool:
    """Keys, then one batch that makes the receiver equal a moment of the origin, then all that depends on that."""
    schema.build_keys(session.receiver, (source.table for source in sources.values()))
    session.report(Event("keys built", {"tables": len(sources)}))
    if not Following(session).settle():
        return False
    _restore_rest(session, sources)
    return True


def _restore_rest(session: Session, sources: dict[int, Source]) -> None:
    taken = [
        (schema.CONSTRAINTS, source.table.key_constraint)
        if source.table.key_constraint
        else (schema.RELATIONS, source.table.key_index)
        for source in sources.values()
        if source.table.key
    ]
    made = schema.depending_on(session.origin, session.receiver).union(taken)
    text = session.dumper.text("post-data", schema.carried(schema.own_triggers(session.origin), made))
    with session.receiver.transaction():
        schema.restore(session.receiver, text, session.means.owner)
        schema.refresh_views(session.receiver, session.origin)
        session.ledger.set_indexed()
    session.report(Event("indexes and constraints built", {"tables": len(sources)}))
