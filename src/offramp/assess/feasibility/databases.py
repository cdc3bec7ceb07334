"""Which databases cannot move as they are: version, extensions, plan, size, tables, addresses that nobody owns?"""

from __future__ import annotations

from collections.abc import Iterator

from ...discover.catalogue import MINIMUM_SERVER_VERSION, RDS_EXTENSIONS
from ...discover.model import Database
from .. import sizes
from .kinds import Case, Kind, Rule, many, users
from .model import Commands, Finding, Severity, Source, Steps, Subject

_HEROKU_VERSIONS = Source("Heroku Dev Center, Heroku Postgres version support", "2026-11")
_RDS_EXTENSIONS = Source("AWS, RDS for PostgreSQL release notes: extensions supported", "2026-11")
_COPY = Source("offramp, docs/reference/replication-cases.md", "2026-11")

TOO_OLD = Kind(
    "database-too-old", Subject.EXTENSIONS, Severity.BLOCKS, "PostgreSQL older than 14",
    "offramp's capture needs PostgreSQL 14 or newer, and Heroku no longer supports this version either.", _HEROKU_VERSIONS,
)  # fmt: skip
TOO_NEW = Kind(
    "database-too-new", Subject.EXTENSIONS, Severity.BLOCKS, "PostgreSQL newer than the one planned on RDS",
    "Rows of a newer server may hold what an older one does not know, and there would be no schema to restore.",
    Source("PostgreSQL documentation, pg_dump: notes on versions", "2026-11"),
)  # fmt: skip
ENDING = Kind(
    "database-version-ending", Subject.EXTENSIONS, Severity.KNOW, "Heroku's support for this PostgreSQL has ended or ends soon",
    "Heroku upgrades such a database by itself some months later: a restart with another version, which must not fall into the days "
    "of the move.", _HEROKU_VERSIONS,
)  # fmt: skip
EXTENSION = Kind(
    "extension-not-on-rds", Subject.EXTENSIONS, Severity.BLOCKS, "An extension that RDS does not offer",
    "Tables, indexes or functions that use it cannot be made on RDS.", _RDS_EXTENSIONS,
)  # fmt: skip
NO_KEY = Kind(
    "table-without-key", Subject.PREFLIGHT, Severity.KNOW, "Tables without a usable key",
    "Their rows are followed as whole images and verified as a whole: it works, and it costs more for every write.", _COPY,
)  # fmt: skip
CONCERN = Kind(
    "database-concern", Subject.PREFLIGHT, Severity.KNOW, "Something in the database that does not carry by itself",
    "Discovery read it in the database's catalogue; `offramp pump check` says more once it can reach both sides.", _COPY,
)  # fmt: skip
LARGE = Kind(
    "database-large", Subject.PREFLIGHT, Severity.KNOW, "A large database",
    "The first copy takes hours to days. Nobody waits for it, but it must not be begun on the eve of the switch.",
    Source("PlanetScale's heroku-migrator, README: about 100 GB an hour", "2026-06"),
)  # fmt: skip
NOT_READ = Kind(
    "database-not-read", Subject.PREFLIGHT, Severity.FIRST, "A database that could not be read",
    "Nobody knows yet what is in it, so nobody can say that it moves.", _COPY,
)  # fmt: skip
UNKNOWN_PLAN = Kind(
    "database-plan-unknown", Subject.PREFLIGHT, Severity.BLOCKS, "A database plan whose memory is not known",
    "No RDS class can be chosen that is not smaller. The Advanced plans are among them: they run on other infrastructure, without "
    "Heroku's pooler, and what a role may do there has to be looked at anew.",
    Source("Heroku Dev Center, Heroku Postgres plans and Heroku Postgres Advanced", "2026-11"),
)  # fmt: skip
KINDS = (UNKNOWN_PLAN, TOO_OLD, TOO_NEW, ENDING, EXTENSION, NO_KEY, CONCERN, LARGE, NOT_READ)

# Heroku's support for major versions, as of November 2026; it upgrades what is left some five months after the end.
ENDS = {14: "ended in Q3 2025", 15: "ended in Q3 2026", 16: "ends in Q3 2027"}
LARGE_BYTES = 500 * 1024**3
COPIED_BYTES_AN_HOUR = 100 * 10**9
_BLOCKING_CONCERNS = ("belongs to another role",)
_PRESSING_CONCERNS = ("prepared transaction", "foreign table", "publication", "event trigger")
_TOLD_ELSEWHERE = ("has no usable key", "RDS does not offer the extension")


def major(database: Database) -> int:
    return database.server_version // 10000


def too_old(case: Case) -> Iterator[Finding]:
    for database in case.estate.databases:
        if 0 < database.server_version < MINIMUM_SERVER_VERSION:
            place = f"{database.addon} -a {database.app}"
            yield TOO_OLD.found(
                users(database),
                [database.addon],
                [f"{database.addon} runs PostgreSQL {major(database)}."],
                Commands(
                    ("# Essential plans: run alone. Others: prepare, wait for it, then run in an hour of your choice.",
                     f"heroku pg:upgrade:prepare {place}", f"heroku pg:upgrade:wait {place}", f"heroku pg:upgrade:run {place}")
                ),
                database=database.addon,
            )  # fmt: skip


def too_new(case: Case) -> Iterator[Finding]:
    planned = case.readings.target.engine_major
    for database in case.estate.databases:
        if major(database) > planned:
            yield TOO_NEW.found(
                users(database),
                [database.addon],
                [f"{database.addon} runs PostgreSQL {major(database)}; {planned} is planned on RDS."],
                Steps(
                    (f'Set engine_version = "{major(database)}" under [design] in offramp.toml, once RDS offers it.',)
                ),
                database=database.addon,
            )


def version_ending(case: Case) -> Iterator[Finding]:
    for database in case.estate.databases:
        if ends := ENDS.get(major(database)):
            place = f"{database.addon} -a {database.app}"
            yield ENDING.found(
                users(database),
                [database.addon],
                [f"{database.addon} runs PostgreSQL {major(database)}, whose support {ends}."],
                Commands((f"heroku data:maintenances:info {place}", f"heroku data:maintenances:window {place}")),
                database=database.addon,
            )


def extensions(case: Case) -> Iterator[Finding]:
    for database in case.estate.databases:
        preflight = case.preflight(database.addon)
        if preflight is not None and not preflight.stand_in:
            continue
        if missing := [name for name in database.extensions if name not in RDS_EXTENSIONS]:
            drops = " ".join(f'drop extension "{name}";' for name in missing)
            yield EXTENSION.found(
                users(database),
                missing,
                [f"{database.addon} has {', '.join(missing)} installed."],
                Commands(
                    ("# Without CASCADE it is refused while anything uses the extension.",
                     f"heroku pg:psql {database.addon} -a {database.app} -c '{drops}'")
                ),
                database=database.addon,
            )  # fmt: skip


def tables_without_key(case: Case) -> Iterator[Finding]:
    for database in case.estate.databases:
        bare = [f"{table.schema}.{table.name}" for table in database.tables if not table.key]
        if bare and case.preflight(database.addon) is None:
            yield NO_KEY.found(
                users(database),
                bare,
                [f"{many(len(bare), 'table')} of {len(database.tables)} in {database.addon}."],
                Steps(("Add a primary key where a table is written to often. Small or append-only tables can stay as they are.",)),
                database=database.addon,
            )  # fmt: skip


def concerns(case: Case) -> Iterator[Finding]:
    """What discovery's census says, where the pump's preflight has not looked and no other rule speaks."""
    for database in case.estate.databases:
        if case.preflight(database.addon) is not None:
            continue
        for said in database.concerns:
            if any(words in said for words in _TOLD_ELSEWHERE):
                continue
            severity = CONCERN.severity
            if any(words in said for words in _PRESSING_CONCERNS):
                severity = Severity.FIRST
            if any(words in said for words in _BLOCKING_CONCERNS):
                severity = Severity.BLOCKS
            mend = Steps((said.partition("; ")[2].capitalize() or "Run `offramp pump check` for more.",))
            yield CONCERN.found(
                users(database), [database.addon], [said], mend, database=database.addon, severity=severity, title=said
            )


def large(case: Case) -> Iterator[Finding]:
    for database in case.estate.databases:
        if database.bytes >= LARGE_BYTES:
            hours = database.bytes / COPIED_BYTES_AN_HOUR
            yield LARGE.found(
                users(database),
                [database.addon],
                [f"{database.addon} holds {database.bytes / 1024**3:,.0f} GiB: some {hours:.0f} h to copy at 100 GB an hour."],
                Steps((
                    "Start replication days before the switch; it resumes where it was, and its status says when it will be done.",
                    "Give RDS the storage and IOPS for the load, and lower them afterwards.",
                )),
                database=database.addon,
            )  # fmt: skip


def unknown_plans(case: Case) -> Iterator[Finding]:
    for database in case.estate.databases:
        if sizes.database(database.plan) is None:
            yield UNKNOWN_PLAN.found(
                users(database),
                [database.addon],
                [f"{database.addon} has the plan {database.plan}."],
                Commands((f"heroku pg:info {database.addon} -a {database.app}",)),
                Steps(("Change to a standard or premium plan first, or report the plan.",)),
                database=database.addon,
            )


def not_read(case: Case) -> Iterator[Finding]:
    for database in case.estate.databases:
        if not database.server_version:
            yield NOT_READ.found(
                users(database),
                [database.addon],
                [f"{database.addon} ({database.plan}) was listed, but did not answer."],
                Commands((f"heroku pg:info {database.addon} -a {database.app}", "offramp discover")),
                database=database.addon,
            )


RULES: tuple[Rule, ...] = (
    too_old, too_new, version_ending, extensions, tables_without_key, concerns, large, unknown_plans, not_read,
)  # fmt: skip
