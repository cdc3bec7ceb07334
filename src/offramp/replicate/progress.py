"""How far is a link, in the words that stages judge by?"""

from __future__ import annotations

import psycopg

from .. import pump
from ..pump import Link
from .model import LinkProgress


def progress_of(receiver: psycopg.Connection[tuple[object, ...]], link: Link) -> LinkProgress | None:
    """Read a link's progress from the database that receives it; None before it first reported."""
    status = pump.status(receiver, link)
    if status is None:
        return None
    return LinkProgress(
        phase=status.phase,
        lag_seconds=status.lag_seconds,
        lag_p99_ms=status.lag_p99_ms,
        rows_applied=status.rows_applied,
        rows_copied=sum(table.rows_copied for table in status.tables),
        rows_estimate=sum(table.rows_estimate for table in status.tables),
        verified_share=status.verified_share,
        verified_age_seconds=status.verified_age_seconds,
        differences=status.differences,
        repaired=status.repaired,
        beat_age_seconds=status.beat_age_seconds,
        held=tuple(
            dict.fromkeys(
                (
                    *((status.held_because,) if status.held_because else ()),
                    *(f"{table.name}: {table.held_because}" for table in status.tables if table.held_because),
                )
            )
        ),
        tables=len(status.tables),
        unfinished=status.tables_unfinished,
    )
