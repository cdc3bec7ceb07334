"""What does sessions-api keep?

Mentors live in another app's database, so ``mentor_id`` is a plain UUID here. Beside these models there is
``bookings_auditentry``, append-only, without a primary key, and so without a model (see migration 0003).
"""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.timezone import now
from steady.fields import CITextField


class Mentee(models.Model):
    """Somebody who learns. The table is old: its key is a bigserial (see migration 0001)."""

    email = CITextField(unique=True)
    name = models.CharField(max_length=120)
    timezone = models.CharField(max_length=40, default="UTC")
    interests = ArrayField(models.TextField(), default=list)
    created_at = models.DateTimeField(default=now)


class Session(models.Model):
    """``client_token`` is the client's name for the row; ``steady.once`` sees to it that there is one row per token.

    No index leads from a mentor to the sessions: one of the flaws that README.md names.
    """

    class Status(models.TextChoices):
        REQUESTED = "requested"
        CONFIRMED = "confirmed"
        HELD = "held"
        EXPIRED = "expired"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    mentor_id = models.UUIDField()
    # The constraint is made by migration 0002, since this one also deletes at the database's level.
    mentee = models.ForeignKey(Mentee, on_delete=models.DO_NOTHING, related_name="sessions", db_constraint=False)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.REQUESTED)
    starts_at = models.DateTimeField()
    minutes = models.SmallIntegerField(default=60)
    price_cents = models.IntegerField()
    notes = models.TextField(default="")
    details = models.JSONField(default=dict)
    version = models.IntegerField(default=1)
    client_token = models.UUIDField(null=True, db_index=True)
    created_at = models.DateTimeField(default=now)

    class Meta:
        indexes = (models.Index(fields=["status", "starts_at"], name="session_status_starts"),)
        constraints = (models.CheckConstraint(condition=Q(minutes__gt=0), name="session_minutes_positive"),)


class Message(models.Model):
    session = models.ForeignKey(Session, on_delete=models.DO_NOTHING, related_name="messages", db_constraint=False)
    author = CITextField()
    text = models.TextField()
    sent_at = models.DateTimeField(default=now)


class Notification(models.Model):
    session = models.ForeignKey(Session, on_delete=models.DO_NOTHING, related_name="notifications", db_constraint=False)
    kind = models.CharField(max_length=40)
    body = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=now)


class Job(models.Model):
    """Work to do after a commit. The row is the truth; its number in Redis only wakes a worker at once (see ``jobs``)."""

    kind = models.CharField(max_length=40)
    session_id = models.UUIDField()
    client_token = models.UUIDField(null=True)
    created_at = models.DateTimeField(default=now)
    done_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=["created_at"], name="job_open", condition=Q(done_at=None)),)


class DailyLoad(models.Model):
    """Sessions per day, thrown away and counted anew by ``expire_sessions``."""

    day = models.DateField(primary_key=True)
    sessions = models.IntegerField()
