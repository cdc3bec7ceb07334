"""What does mentors-api keep?

Beside these models there is ``mentors_profileview``: who looked at which profile, append-only, without a primary key, and so
without a model (see migration 0003).
"""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models import Q
from django.utils.timezone import now
from steady.fields import CITextField


class Skill(models.Model):
    """A thing that can be taught. Its table is old: its key is a bigserial (see migration 0001)."""

    name = CITextField(unique=True)


class Mentor(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = CITextField(unique=True)
    name = models.CharField(max_length=120)
    headline = models.CharField(max_length=160)
    bio = models.TextField()
    topics = ArrayField(models.TextField(), default=list)
    profile = models.JSONField(default=dict)
    rate_cents = models.IntegerField()
    skills = models.ManyToManyField(Skill, related_name="mentors")
    joined_at = models.DateTimeField(default=now)
    search = models.GeneratedField(
        expression=SearchVector("name", "headline", "bio", config="english"),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    class Meta:
        indexes = (
            models.Index(fields=["-joined_at"], name="mentor_joined"),
            GinIndex(fields=["search"], name="mentor_search"),
            GinIndex(fields=["topics"], name="mentor_topics"),
        )
        constraints = (models.CheckConstraint(condition=Q(rate_cents__gte=0), name="mentor_rate_not_negative"),)


class Review(models.Model):
    """``client_token`` is the client's name for the row; ``steady.once`` sees to it that there is one row per token."""

    # The constraint is made by migration 0002, since this one also deletes at the database's level.
    mentor = models.ForeignKey(Mentor, on_delete=models.DO_NOTHING, related_name="reviews", db_constraint=False)
    author = CITextField()
    stars = models.SmallIntegerField()
    text = models.TextField()
    version = models.IntegerField(default=1)
    client_token = models.UUIDField(null=True, db_index=True)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(stars__range=(1, 5)), name="review_stars_1_to_5"),)
