"""What in a database's health gets in the way of a move: sequences near their end, wraparound, text that sorts anew, roles?"""

from __future__ import annotations

from collections.abc import Iterator

from .kinds import Case, Kind, Rule, many, users
from .model import Commands, Finding, Severity, Source, Steps, Subject

SEQUENCE = Kind(
    "sequence-near-its-end", Subject.PREFLIGHT, Severity.AFTER, "Numbers that are nearly used up",
    "Once the last number is given out, inserts fail.",
    Source("PostgreSQL documentation, numeric types and CREATE SEQUENCE", "2026-11"),
)  # fmt: skip
WRAPAROUND = Kind(
    "wraparound-vacuum-due", Subject.PREFLIGHT, Severity.FIRST, "A vacuum against wraparound is due or running",
    "Such a vacuum does not step aside: a trigger for the table it works on waits for its end, and writers wait behind that.",
    Source("PostgreSQL documentation, Routine vacuuming: preventing transaction ID wraparound failures", "2026-11"),
)  # fmt: skip
COLLATION = Kind(
    "collation-changed", Subject.PREFLIGHT, Severity.FIRST, "Text sorts otherwise than when the indexes were built",
    "The server's C library or ICU has been replaced under the database: indexes over text may be out of order, and unique ones may hold "
    "duplicates, which are found on RDS when the index is built there.",
    Source("PostgreSQL documentation, ALTER DATABASE .. REFRESH COLLATION VERSION; Heroku help MZFKAJ7J", "2026-11"),
)  # fmt: skip
CREDENTIALS = Kind(
    "several-credentials", Subject.PREFLIGHT, Severity.KNOW, "More credentials than the default one",
    "Roles and their rights are carried to RDS, passwords are not: they cannot be read. Applications that log in with one of them go "
    "through the pooler with the owner's.", Source("offramp's pump: roles; Heroku Dev Center, Postgres credentials", "2026-11"),
)  # fmt: skip
POOLED = Kind(
    "pooled-by-heroku", Subject.POOLING, Severity.KNOW, "Heroku's own pooler is in use",
    "It pools by transaction as well: what works behind it works behind the pooler on AWS. The variable that it owns is given the new "
    "pooler's address.", Source("Heroku Dev Center, Connection pooling for Heroku Postgres", "2026-11"),
)  # fmt: skip
LONG = Kind(
    "long-transactions", Subject.PREFLIGHT, Severity.FIRST, "Transactions that stay open for long",
    "Capture waits for those that write when it begins, and so does the switch: one that waits longer than patience_seconds names them and "
    "is undone.", Source("offramp, docs/how-to/cutover-night.md", "2026-11"),
)  # fmt: skip
KINDS = (SEQUENCE, WRAPAROUND, COLLATION, CREDENTIALS, POOLED, LONG)

USED_UP, LONG_SECONDS = 0.7, 60.0


def sequences(case: Case) -> Iterator[Finding]:
    for database in case.estate.databases:
        numbers = database.readings.numbers if database.readings else ()
        near = [one for one in numbers if one.share >= USED_UP]
        if near and case.preflight(database.addon) is None:
            yield SEQUENCE.found(
                users(database),
                [f"{one.schema}.{one.name}" for one in near],
                [
                    f"{f'{one.schema}.{one.name} {one.column}'.rstrip()} ({one.type}): {one.last:,} of {one.limit:,}."
                    for one in near
                ],
                Steps((
                    "Widen the column to bigint with a new column that a trigger fills in the background: ALTER TYPE rewrites the table "
                    "and keeps everybody out meanwhile.",
                )),
                database=database.addon,
            )  # fmt: skip


def wraparound(case: Case) -> Iterator[Finding]:
    for database in case.estate.databases:
        reading = database.readings
        if reading and 0 < reading.frozen_limit <= reading.oldest_xid_age:
            yield WRAPAROUND.found(
                users(database),
                [database.addon],
                [f"The oldest transaction is {reading.oldest_xid_age:,} old; autovacuum forces its way from {reading.frozen_limit:,} on."],
                Commands((
                    "# In a quiet hour:",
                    f"heroku pg:psql {database.addon} -a {database.app} -c 'vacuum (freeze, verbose)'",
                )),
                database=database.addon,
            )  # fmt: skip


def collations(case: Case) -> Iterator[Finding]:
    for database in case.estate.databases:
        server = database.server
        if not server or not server.collation_version or not server.collation_now:
            continue
        if server.collation_version != server.collation_now:
            yield COLLATION.found(
                users(database),
                [database.addon],
                [f"Made with {server.collation} {server.collation_version}; the library is {server.collation_now} now."],
                Commands((
                    "# It names the duplicate where a unique index cannot be built:",
                    f"heroku pg:psql {database.addon} -a {database.app} -c 'reindex (concurrently) schema public'",
                )),
                database=database.addon,
            )  # fmt: skip


def credentials(case: Case) -> Iterator[Finding]:
    for database in case.estate.databases:
        names = [
            one.name for one in (database.service.credentials if database.service else ()) if one.name != "default"
        ]
        if names:
            yield CREDENTIALS.found(
                users(database),
                names,
                [f"{database.addon} has the credentials {', '.join(names)}."],
                Commands((f"heroku pg:credentials {database.addon} -a {database.app}",)),
                Steps(("Give such roles a password on RDS where people or tools log in with them.",)),
                database=database.addon,
            )


def pooled(case: Case) -> Iterator[Finding]:
    addons = {database.addon for database in case.estate.databases}
    found = [
        (app, one)
        for app in case.estate.apps
        for one in app.attachments
        if one.addon in addons and (one.namespace or "").startswith("connection-pooling:")
    ]
    if found:
        yield POOLED.found(
            [app.name for app, _ in found],
            [f"{app.name} {name}" for app, one in found for name in one.config_vars],
            [f"{app.name} has {one.addon} attached as {one.name} through Heroku's pooler." for app, one in found],
            Steps(("Nothing.",)),
        )


def long_transactions(case: Case) -> Iterator[Finding]:
    for database in case.estate.databases:
        activity = database.readings.activity if database.readings else None
        waiting = [one for one in (activity.open_long if activity else ()) if one.open_seconds >= LONG_SECONDS]
        if waiting and case.preflight(database.addon) is None:
            yield LONG.found(
                users(database),
                [f"{one.application or 'somebody'} (process {one.pid})" for one in waiting],
                [f"{one.application or 'somebody'}: {one.state}, open for {one.open_seconds:,.0f} s." for one in waiting],
                Commands((f"heroku pg:long-running-queries {database.addon} -a {database.app}",)),
                Steps((f"{many(len(waiting), 'transaction')} at one look: commit sooner, or set idle_in_transaction_session_timeout.",)),
                database=database.addon,
                certain=False,
            )  # fmt: skip


RULES: tuple[Rule, ...] = (sequences, wraparound, collations, credentials, pooled, long_transactions)
