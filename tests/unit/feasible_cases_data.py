"""What makes each kind of finding speak, and what is so near that it must not: databases and what is said to them."""

from __future__ import annotations

from dataclasses import replace

from feasible import config, database
from feasible_worlds import (
    DEPENDS,
    Case,
    file,
    health,
    on,
    pooled,
    read,
    said,
    server,
    service,
    shop,
    stored,
    waiting,
    web,
)

from offramp.assess.feasibility.readings import (
    ConnectionsSeen,
    Preflight,
    SessionSeen,
)
from offramp.discover.model import (
    NumberKey,
    Table,
)

DATABASES = (
    Case(
        "preflight-refuses", said("It belongs to root, so it cannot be captured.", True), said("It is unlogged.", False)
    ),
    Case(
        "preflight-refuses",
        said("The target does not offer it.", True, stand_in=False),
        said("The target does not offer it.", True),
        "of the target itself",
    ),
    Case(
        "preflight-refuses",
        said("Functions are written in it, and the target does not have it.", True, "language plfoo"),
        said("Functions are written in it, and the target does not have it.", True, "language plv8"),
        "of a language",
    ),
    Case("preflight-warns", said("It is unlogged.", False), said("Text sorts as C here and as en_US there.", False)),
    Case(
        "database-plan-unknown",
        stored(plan="heroku-postgresql:advanced-8g"),
        stored(plan="heroku-postgresql:premium-4"),
    ),
    Case("database-too-old", stored(server_version=130020), stored(server_version=140000)),
    Case("database-too-new", stored(server_version=190000), stored(server_version=180003)),
    Case("database-version-ending", stored(server_version=150018), stored(server_version=170006)),
    Case(
        "extension-not-on-rds",
        stored(extensions=("citext", "timescaledb")),
        stored(extensions=("citext", "vector", "postgis")),
    ),
    Case(
        "table-without-key",
        stored(tables=(Table("public", "audit", 9, 8192, ()),)),
        replace(
            stored(tables=(Table("public", "audit", 9, 8192, ()),)), preflights=(Preflight("postgresql-shop", ()),)
        ),
    ),
    Case(
        "database-concern",
        stored(concerns=("The prepared transaction x is open; end it before the move.",)),
        stored(concerns=("public.audit has no usable key; whole rows are followed instead.",)),
    ),
    Case("database-large", stored(bytes=600 * 1024**3), stored(bytes=400 * 1024**3)),
    Case("database-not-read", stored(server_version=0), stored()),
    Case(
        "sequence-near-its-end",
        stored(
            readings=health(numbers=(NumberKey("public", "orders", "id", "integer", 1_900_000_000, 2_147_483_647),))
        ),
        stored(
            readings=health(numbers=(NumberKey("public", "orders", "id", "integer", 1_000_000_000, 2_147_483_647),))
        ),
    ),
    Case(
        "wraparound-vacuum-due",
        stored(readings=health(oldest_xid_age=210_000_000)),
        stored(readings=health(oldest_xid_age=150_000_000)),
    ),
    Case("collation-changed", stored(server=server("2.31", "2.39")), stored(server=server("2.39", "2.39"))),
    Case("several-credentials", stored(service=service("default", "analyst")), stored(service=service("default"))),
    Case(
        "long-transactions",
        stored(readings=health(activity=waiting(300))),
        stored(readings=health(activity=waiting(3))),
    ),
)

POOLING = (
    Case(
        "connections-scarce",
        read(stored(connection_limit=20), connections=(ConnectionsSeen("postgresql-shop", 12),)),
        read(stored(connection_limit=40), connections=(ConnectionsSeen("postgresql-shop", 12),)),
        "by the log",
    ),
    Case(
        "connections-scarce",
        on(
            web("gunicorn a -w 8 --threads 4 --keep-alive 75 --forwarded-allow-ips '*'"),
            databases=(database("shop", limit=40),),
        ),
        on(
            web("gunicorn a -w 8 --threads 4 --keep-alive 75 --forwarded-allow-ips '*'"),
            databases=(database("shop", limit=200),),
        ),
        "by the commands",
    ),
    Case(
        "connections-beyond-rds",
        on(web("gunicorn a -w 100 --threads 5"), databases=(database("shop"),)),
        on(web("gunicorn a -w 80 --threads 5"), databases=(database("shop"),)),
    ),
    Case(
        "session-state",
        read(
            stored(),
            sessions=(
                SessionSeen("postgresql-shop", "listen", "LISTEN jobs", 3, "nobody hears it", "Go past the pooler."),
            ),
        ),
        read(stored(), sessions=(SessionSeen("postgresql-other", "listen", "LISTEN jobs", 3, "", ""),)),
    ),
    Case(
        "session-state-library",
        read(on(), **file("procrastinate==2.0\n", DEPENDS)),
        read(on(), **file("celery==5.4\n", DEPENDS)),
        "in a dependency file",
    ),
    Case(
        "session-state-library", on(shop("bundle exec good_job start")), on(shop("bundle exec sidekiq")), "in a command"
    ),
    Case(
        "session-state-library",
        read(on(), **file("gem 'que'\n", "Gemfile")),
        read(on(), **file("gem 'que-web-look'\ngem 'sidekiq_queue_metrics'\n", "Gemfile")),
        "with a short name",
    ),
    Case(
        "rails-migration-lock",
        on(shop(release_command="bundle exec rails db:migrate")),
        read(
            on(shop(release_command="bundle exec rails db:migrate")),
            **file("production:\n  advisory_locks: false\n", "config/database.yml"),
        ),
    ),
    Case(
        "prepared-statements",
        read(on(), **file("asyncpg==0.30\n", DEPENDS)),
        read(on(), **file("psycopg[binary]>=3.2\n", DEPENDS)),
    ),
    Case(
        "database-tls-demanded",
        on(shop(config=(config("PGSSLMODE"),)), databases=(database("shop"),)),
        on(shop(config=(config("PGSSLMODE"),))),
        "by a config var",
    ),
    Case(
        "database-tls-demanded",
        read(stored(), **file("DATABASES['default'] = dj_database_url.config(ssl_require=True)\n")),
        read(stored(), **file("DATABASES['default'] = dj_database_url.config()\n")),
        "in code",
    ),
    Case("pooled-by-heroku", pooled("connection-pooling:default"), pooled(None)),
)
