"""Deleting a mentee deletes the sessions, and deleting a session what hangs on it, in the database, whoever deletes."""

from django.db import migrations

REFERENCES = (
    ("session", "mentee", "bookings_mentee"),
    ("message", "session", "bookings_session"),
    ("notification", "session", "bookings_session"),
)


def add(child: str, parent: str, table: str) -> migrations.RunSQL:
    name = f"bookings_{child}_{parent}"
    return migrations.RunSQL(
        f"""
        alter table bookings_{child}
            add constraint {name} foreign key ({parent}_id)
            references {table} (id) on delete cascade deferrable initially deferred
        """,
        f"alter table bookings_{child} drop constraint {name}",
    )


class Migration(migrations.Migration):
    dependencies = [("bookings", "0001_initial")]

    operations = [add(*reference) for reference in REFERENCES]
