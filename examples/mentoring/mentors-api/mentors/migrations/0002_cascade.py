"""Deleting a mentor deletes the reviews, in the database, whoever deletes."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("mentors", "0001_initial")]

    operations = [
        migrations.RunSQL(
            """
            alter table mentors_review
                add constraint mentors_review_mentor foreign key (mentor_id)
                references mentors_mentor (id) on delete cascade deferrable initially deferred
            """,
            "alter table mentors_review drop constraint mentors_review_mentor",
        ),
    ]
