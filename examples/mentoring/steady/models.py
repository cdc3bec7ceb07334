"""Which writes have been answered already?"""

from __future__ import annotations

from django.db import models


class IdempotencyKey(models.Model):
    """One row per write that carried an Idempotency-Key, committed together with what it wrote. See ``once``."""

    token = models.UUIDField(primary_key=True)
    status = models.SmallIntegerField(default=0)
    body = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
