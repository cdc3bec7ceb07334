"""Mentees, sessions and what hangs on them. Mentees come from the days of bigserial keys."""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
import steady.fields
from django.contrib.postgres.operations import CITextExtension
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        CITextExtension(),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    """
                    create table bookings_mentee (
                        id bigserial primary key,
                        email citext not null unique,
                        name varchar(120) not null,
                        timezone varchar(40) not null,
                        interests text[] not null,
                        created_at timestamptz not null
                    )
                    """,
                    "drop table bookings_mentee",
                )
            ],
            state_operations=[
                migrations.CreateModel(
                    name="Mentee",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("email", steady.fields.CITextField(unique=True)),
                        ("name", models.CharField(max_length=120)),
                        ("timezone", models.CharField(default="UTC", max_length=40)),
                        (
                            "interests",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.TextField(), default=list, size=None
                            ),
                        ),
                        ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                    ],
                ),
            ],
        ),
        migrations.CreateModel(
            name="DailyLoad",
            fields=[
                ("day", models.DateField(primary_key=True, serialize=False)),
                ("sessions", models.IntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="Job",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=40)),
                ("session_id", models.UUIDField()),
                ("client_token", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("done_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("done_at", None)), fields=["created_at"], name="job_open")
                ],
            },
        ),
        migrations.CreateModel(
            name="Session",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("mentor_id", models.UUIDField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("requested", "Requested"),
                            ("confirmed", "Confirmed"),
                            ("held", "Held"),
                            ("expired", "Expired"),
                        ],
                        default="requested",
                        max_length=12,
                    ),
                ),
                ("starts_at", models.DateTimeField()),
                ("minutes", models.SmallIntegerField(default=60)),
                ("price_cents", models.IntegerField()),
                ("notes", models.TextField(default="")),
                ("details", models.JSONField(default=dict)),
                ("version", models.IntegerField(default=1)),
                ("client_token", models.UUIDField(db_index=True, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "mentee",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="sessions",
                        to="bookings.mentee",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Notification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=40)),
                ("body", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "session",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="notifications",
                        to="bookings.session",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Message",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("author", steady.fields.CITextField()),
                ("text", models.TextField()),
                ("sent_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "session",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="messages",
                        to="bookings.session",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(fields=["status", "starts_at"], name="session_status_starts"),
        ),
        migrations.AddConstraint(
            model_name="session",
            constraint=models.CheckConstraint(condition=models.Q(("minutes__gt", 0)), name="session_minutes_positive"),
        ),
    ]
