"""How does a session look as JSON?"""

from __future__ import annotations

from typing import Any

from .models import Session


def session(row: Session) -> dict[str, Any]:
    """Return a session; asks the database for nothing."""
    return {
        "id": str(row.pk),
        "mentor_id": str(row.mentor_id),
        "status": row.status,
        "starts_at": row.starts_at.isoformat(),
        "minutes": row.minutes,
        "price_cents": row.price_cents,
        "notes": row.notes,
        "version": row.version,
    }
