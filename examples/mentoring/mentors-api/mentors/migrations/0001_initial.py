"""Skills, mentors and reviews. Skills come from the days of bigserial keys."""

import uuid

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
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
                    create table mentors_skill (id bigserial primary key, name citext not null unique)
                    """,
                    "drop table mentors_skill",
                )
            ],
            state_operations=[
                migrations.CreateModel(
                    name="Skill",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", steady.fields.CITextField(unique=True)),
                    ],
                ),
            ],
        ),
        migrations.CreateModel(
            name="Mentor",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("email", steady.fields.CITextField(unique=True)),
                ("name", models.CharField(max_length=120)),
                ("headline", models.CharField(max_length=160)),
                ("bio", models.TextField()),
                (
                    "topics",
                    django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None),
                ),
                ("profile", models.JSONField(default=dict)),
                ("rate_cents", models.IntegerField()),
                ("joined_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "search",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.contrib.postgres.search.SearchVector(
                            "name", "headline", "bio", config="english"
                        ),
                        output_field=django.contrib.postgres.search.SearchVectorField(),
                    ),
                ),
                ("skills", models.ManyToManyField(related_name="mentors", to="mentors.skill")),
            ],
        ),
        migrations.CreateModel(
            name="Review",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("author", steady.fields.CITextField()),
                ("stars", models.SmallIntegerField()),
                ("text", models.TextField()),
                ("version", models.IntegerField(default=1)),
                ("client_token", models.UUIDField(db_index=True, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "mentor",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="reviews",
                        to="mentors.mentor",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("stars__range", (1, 5))), name="review_stars_1_to_5")
                ],
            },
        ),
        migrations.AddIndex(
            model_name="mentor",
            index=models.Index(fields=["-joined_at"], name="mentor_joined"),
        ),
        migrations.AddIndex(
            model_name="mentor",
            index=django.contrib.postgres.indexes.GinIndex(fields=["search"], name="mentor_search"),
        ),
        migrations.AddIndex(
            model_name="mentor",
            index=django.contrib.postgres.indexes.GinIndex(fields=["topics"], name="mentor_topics"),
        ),
        migrations.AddConstraint(
            model_name="mentor",
            constraint=models.CheckConstraint(
                condition=models.Q(("rate_cents__gte", 0)), name="mentor_rate_not_negative"
            ),
        ),
    ]
