"""How many mentors does each topic have? Counted once a minute, kept in Redis; without Redis, counted each time."""

from __future__ import annotations

import json
import logging
from functools import cache
from typing import Any

import valkey
from django.conf import settings
from django.db import connection
from steady import config

KEY = "facets:topics"
KEEP_SECONDS = 60

log = logging.getLogger(__name__)


@cache
def _redis() -> valkey.Valkey | None:
    return config.redis(settings.REDIS_URL) if settings.REDIS_URL else None


def topics() -> list[dict[str, Any]]:
    """Return the topics with their numbers of mentors, most frequent first."""
    redis = _redis()
    try:
        if redis and (kept := redis.get(KEY)):
            known: list[dict[str, Any]] = json.loads(kept)
            return known
        counted = _count()
        if redis:
            redis.set(KEY, json.dumps(counted), ex=KEEP_SECONDS)
    except valkey.ValkeyError as error:
        log.warning("event=cache_unavailable error=%s", type(error).__name__)
        return _count()
    return counted


def _count() -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select topic, count(*) from mentors_mentor, unnest(topics) as topic group by topic order by 2 desc, 1 limit 20"
        )
        return [{"topic": topic, "mentors": mentors} for topic, mentors in cursor.fetchall()]
