"""How does a mentor look as JSON?"""

from __future__ import annotations

from typing import Any

from .models import Mentor, Review


def short(mentor: Mentor) -> dict[str, Any]:
    """Return what a list shows; asks the database for nothing."""
    return {
        "id": str(mentor.pk),
        "name": mentor.name,
        "headline": mentor.headline,
        "topics": mentor.topics,
        "rate_cents": mentor.rate_cents,
    }


def with_skills(mentor: Mentor) -> dict[str, Any]:
    """Return the short card and the mentor's skills: one query per mentor (the N+1 that README.md names)."""
    return short(mentor) | {"skills": [skill.name for skill in mentor.skills.all()]}


def review(row: Review) -> dict[str, Any]:
    """Return a review."""
    return {
        "id": row.pk,
        "author": row.author,
        "stars": row.stars,
        "text": row.text,
        "version": row.version,
        "created_at": row.created_at.isoformat(),
    }
