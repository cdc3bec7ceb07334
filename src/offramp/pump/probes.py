"""Which questions can one query answer about what will not carry by itself? A table of them: the query, the reason, the way out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ..kit import sqlbook
from ..postgres import Connection
from .model import Concern

_BOOK = sqlbook.load("offramp.pump", "sql/check.sql")


@dataclass(frozen=True, slots=True)
class Probe:
    """``block`` is a query that yields an object and a detail for each trouble; ``{detail}`` stands in ``why`` and ``fix``."""

    block: str
    side: Literal["source", "target"]
    why: str
    fix: str
    blocking: bool = False


PROBES: tuple[Probe, ...] = (
    # The source's server and database.
    Probe("standby", "source", "It is a standby: nothing can be written to it, so nothing can be captured.",
          "Give the address of the primary.", True),
    Probe("foreign_schema", "source", "A schema named offramp is there that offramp did not make.",
          "Rename it.", True),
    Probe("foreign_triggers", "source", "Its name begins with offramp_, by which offramp tells its own.",
          "Rename it.", True),
    Probe("may_not_create", "source", "The source's role may not create a schema.",
          "Use the database's owner credential.", True),
    Probe("prepared", "source", "It is prepared and holds locks{detail}, which may keep capture out.",
          "Commit it or roll it back."),
    Probe("snapshot_too_old", "source", "old_snapshot_threshold is {detail}: a long read of ours may be broken off.",
          "Set it to -1 during the move."),
    # Tables.
    Probe("not_owned", "source", "It belongs to {detail}, so it cannot be captured.",
          "Use the owner's credential, or reassign it.", True),
    Probe("hidden_rows", "source", "Row security hides rows of it from our role, so they would not be copied.",
          "ALTER TABLE .. NO FORCE ROW LEVEL SECURITY during the move, or use a role with BYPASSRLS.", True),
    Probe("forced_row_security", "source",
          "It forces row security on its owner; on the target that would hide rows from the link.",
          "It is enabled but not forced there until you force it, after the way back is closed."),
    Probe("no_columns", "source", "It has no columns, so its rows cannot be told or counted.",
          "Drop it, or give it a column.", True),
    Probe("no_key", "source", "It has no usable key{detail}, so its rows are followed as whole images.",
          "Add a primary key to make it cheaper."),
    Probe("wide", "source", "It has {detail} columns and no usable key: its images are more than a trigger can write.",
          "Add a primary key.", True),
    Probe("unlogged", "source", "It is unlogged: a crash of either side empties it.",
          "Make it logged, or accept that."),
    Probe("always_triggers", "source", "It fires for replicated rows too and would alter them.",
          "ALTER TABLE .. ENABLE TRIGGER (not ALWAYS or REPLICA).", True),
    Probe("named_objects", "source",
          "Its values name objects of the database ({detail}); a row that names what the target lacks is refused.",
          "Look at the values; store names as text if in doubt."),
    Probe("tablespaces", "source", "It lies in tablespace {detail}; on the target it lies in the default one.",
          "Nothing, or move it there afterwards."),
    Probe("invalid_indexes", "source", "It is invalid, a CREATE INDEX CONCURRENTLY that failed; it is not carried.",
          "REINDEX or drop it."),
    Probe("disordered", "source",
          "It depends on how text sorts ({detail}); another C library or ICU version may sort it otherwise.",
          "Compare both sides' order of its text before the switch; rows that no partition or check accepts are refused."),
    # What lives elsewhere or belongs to the server.
    Probe("foreign_tables", "source",
          "It is a foreign table; its rows live elsewhere. It and views on it are not carried.",
          "Recreate them on the target by hand."),
    Probe("foreign_servers", "source", "It is a foreign server; its user mappings hold passwords. It is not carried.",
          "Recreate it on the target by hand."),
    Probe("event_triggers", "source", "Event triggers belong to a superuser and are not carried.",
          "Recreate it on the target if it is still wanted."),
    Probe("publications", "source", "Publications are not carried: what they feed follows this server.",
          "Recreate it on the target, and its subscribers."),
    Probe("subscriptions", "source",
          "What a subscription brings in is followed like any other write, the subscription itself is not carried.",
          "Recreate it on the target at the switch."),
    Probe("security_labels", "source", "Security labels need their provider and are not carried.",
          "Set it again on the target."),
    Probe("kept_by_extension", "source",
          "It is a table of extension {detail} with rows of yours; those are not carried.",
          "Copy its rows by hand before the switch."),
    Probe("extension_rights", "source", "Its privileges were changed though extension {detail} made it; they are not carried.",
          "Grant them on the target."),
    Probe("unreadable_sequences", "source", "Its value may not be read by the source's role.",
          "Use the owner's credential.", True),
    # The target.
    Probe("standby", "target", "It is a standby: nothing can be written to it.",
          "Give the address of the primary.", True),
    Probe("read_only", "target", "Its transactions are read-only by default ({detail}).",
          "Nothing for the link, which says otherwise; applications will fail."),
    Probe("may_not_create", "target", "The target's role may not create schemas in the database.",
          "Make it the database's owner.", True),
    Probe("may_not_make_temporary", "target", "The target's role may not make temporary tables.",
          "GRANT TEMPORARY ON DATABASE to it.", True),
    Probe("target_event_triggers", "target", "It fires on every change of schema, the link's too.",
          "Disable it during the move."),
    Probe("occupied", "target", "It already has {detail} tables.", "Give the link an empty database.", True),
    Probe("few_locks", "target",
          "max_locks_per_transaction allows {detail} locks at once; a batch takes some for each table it changes.",
          "Raise it in the parameter group if the schema has thousands of tables."),
)  # fmt: skip


def ask(source: Connection, target: Connection) -> Iterator[Concern]:
    """Yield a concern for every trouble that a probe finds."""
    sides = {"source": source, "target": target}
    for probe in PROBES:
        for name, detail in sides[probe.side].execute(_BOOK[probe.block]):
            yield Concern(
                name or f"{probe.side} server",
                probe.why.format(detail=detail),
                probe.fix.format(detail=detail),
                probe.blocking,
            )
