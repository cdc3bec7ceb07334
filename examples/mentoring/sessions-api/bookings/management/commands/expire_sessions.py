"""What does the scheduler run every ten minutes?"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection
from django.utils import timezone
from steady.models import IdempotencyKey
from steady.patience import patiently

from bookings.models import Session

KEEP_KEYS = timedelta(days=1)


class Command(BaseCommand):
    """Expire requests whose time has passed, count the days anew, and forget old idempotency keys."""

    help = "Expire unanswered session requests whose time has passed."

    def handle(self, *args: Any, **options: Any) -> None:
        expired, forgotten = patiently(tidy)
        self.stdout.write(f"event=expired sessions={expired} keys={forgotten}")


def tidy() -> tuple[int, int]:
    """Do it in the caller's transaction; return how many sessions expired and how many keys were forgotten."""
    now = timezone.now()
    late = Session.objects.filter(status=Session.Status.REQUESTED, starts_at__lt=now)
    expired = late.update(status=Session.Status.EXPIRED)
    forgotten, _ = IdempotencyKey.objects.filter(created_at__lt=now - KEEP_KEYS).delete()
    with connection.cursor() as cursor:
        cursor.execute("truncate bookings_dailyload")
        cursor.execute(
            "insert into bookings_dailyload (day, sessions)"
            " select (starts_at at time zone 'UTC')::date, count(*) from bookings_session group by 1"
        )
    return expired, forgotten
