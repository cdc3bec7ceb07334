"""How does work that follows a booking get done exactly once?

The job is a row, committed with the booking; its number is then pushed to Redis to wake a worker. A worker locks the row, does
the work and marks it done in one transaction, so a number that is delivered twice does nothing the second time. Numbers that
Redis lost (a cache that starts cold, a crash after the commit) are found by ``overdue``.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import cache

import valkey
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from steady import config

from .models import Job, Notification, Session

QUEUE = "jobs"
IN_HAND = "jobs:in-hand"
OVERDUE_SECONDS = 3

log = logging.getLogger(__name__)


@cache
def redis() -> valkey.Valkey:
    """Return this process's client."""
    return config.redis(settings.REDIS_URL)


def enqueue(kind: str, session: Session) -> None:
    """Write the job in the caller's transaction and wake a worker after its commit."""
    job = Job.objects.create(kind=kind, session_id=session.pk, client_token=session.client_token)
    transaction.on_commit(lambda: _wake(job.pk))


def _wake(job_id: int) -> None:
    try:
        redis().lpush(QUEUE, job_id)
    except valkey.ValkeyError as error:
        log.warning("event=wake_failed job=%d error=%s", job_id, type(error).__name__)


def overdue(limit: int = 100) -> list[int]:
    """Return open jobs that no worker has taken for some seconds, oldest first."""
    late = timezone.now() - timedelta(seconds=OVERDUE_SECONDS)
    return list(
        Job.objects.filter(done_at=None, created_at__lt=late)
        .order_by("created_at")
        .values_list("id", flat=True)[:limit]
    )


def do(job_id: int) -> bool:
    """Do one job inside the caller's transaction; return False when it is done already, or in another worker's hands."""
    job = Job.objects.select_for_update(skip_locked=True).filter(pk=job_id, done_at=None).first()
    if job is None:
        return False
    # Locked, so that no cancellation slips between this look and the notification.
    alive = bool(Session.objects.select_for_update(no_key=True).filter(pk=job.session_id).values_list("pk"))
    if alive:
        Notification.objects.create(session_id=job.session_id, kind=job.kind, body={"job": job.pk})
    _audit(job, "notified" if alive else "cancelled before")
    job.done_at = timezone.now()
    job.save(update_fields=["done_at"])
    return True


def _audit(job: Job, outcome: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into bookings_auditentry (at, kind, session_id, client_token, outcome) values (now(), %s, %s, %s, %s)",
            [job.kind, job.session_id, job.client_token, outcome],
        )
