"""Who looked at which profile: append-only, no key, no reference, since it must never hold up a request."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("mentors", "0002_cascade")]

    operations = [
        migrations.RunSQL(
            """
            create table mentors_profileview (
                mentor_id uuid not null,
                at timestamptz not null default now(),
                referrer varchar(200) not null default '',
                client_token uuid
            );
            create index mentors_profileview_at on mentors_profileview using brin (at);
            create index mentors_profileview_token on mentors_profileview (client_token);
            """,
            "drop table mentors_profileview",
        ),
    ]
