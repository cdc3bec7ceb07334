"""What the worker did: append-only, no key, no reference, since it outlives what it speaks of."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("bookings", "0002_cascades")]

    operations = [
        migrations.RunSQL(
            """
            create table bookings_auditentry (
                at timestamptz not null default now(),
                kind varchar(40) not null,
                session_id uuid not null,
                client_token uuid,
                outcome varchar(40) not null
            );
            create index bookings_auditentry_token on bookings_auditentry (client_token);
            """,
            "drop table bookings_auditentry",
        ),
    ]
