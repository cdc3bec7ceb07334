"""Are there connections enough, and does what applications keep in a session survive pooling by transaction?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...discover.model import Database
from .. import sizes
from . import commands
from .kinds import Case, Kind, Rule, many, process_name, users
from .model import Commands, Finding, Mend, Severity, Source, Steps, Subject

_PGBOUNCER = Source("PgBouncer documentation, features by pooling mode", "2026-11")
_RDS_LIMITS = Source("AWS, RDS quotas: max_connections is LEAST(DBInstanceClassMemory/9531392, 5000)", "2026-11")

BUDGET = Kind(
    "connections-scarce", Subject.CONNECTIONS, Severity.FIRST, "Too few connections for both sides at once",
    "During the move Heroku's dynos keep their connections, the pooler on AWS opens its own to the same database, and the link needs a "
    "few: past the limit, connections are refused.", Source("Heroku Dev Center, Heroku Postgres plans: connection limits", "2026-11"),
)  # fmt: skip
UNPOOLED = Kind(
    "connections-beyond-rds", Subject.CONNECTIONS, Severity.AFTER, "More connections than RDS would give without the pooler",
    "As long as the pooler stands between, RDS sees its pool only. Whoever takes it out must stay below max_connections.", _RDS_LIMITS,
)  # fmt: skip
SESSION = Kind(
    "session-state", Subject.POOLING, Severity.FIRST, "Sessions keep something that transaction pooling takes away",
    "The pooler gives each transaction to any server connection, so what a session remembers is lost, or found by somebody else.",
    _PGBOUNCER,
)  # fmt: skip
LISTENS = Kind(
    "session-state-library", Subject.POOLING, Severity.FIRST, "A library that lives on LISTEN or on session advisory locks",
    "Behind a pooler in transaction mode its notifications do not arrive, or its locks stay with a connection that others use.",
    Source("PgBouncer documentation, and the libraries' own pages on PgBouncer", "2026-11"),
)  # fmt: skip
MIGRATION_LOCK = Kind(
    "rails-migration-lock", Subject.POOLING, Severity.FIRST, "Rails' migrations take a session advisory lock",
    "`db:migrate` holds pg_advisory_lock between transactions; behind a pooler in transaction mode it is released on another "
    "connection than it was taken on, and the next deploy waits for it or fails.",
    Source("Rails guides, Configuring a PostgreSQL database: advisory_locks", "2026-11"),
)  # fmt: skip
PREPARED = Kind(
    "prepared-statements", Subject.POOLING, Severity.AFTER, "The driver prepares statements by itself",
    "PgBouncer follows prepared statements of the protocol from 1.21 on, where max_prepared_statements is above 0; offramp's pooler leaves "
    "that at PgBouncer's own default. Without, statements fail with 'prepared statement does not exist'.",
    Source("PgBouncer changelog, 1.21: max_prepared_statements", "2026-11"),
)  # fmt: skip
TLS = Kind(
    "database-tls-demanded", Subject.POOLING, Severity.FIRST, "The application demands TLS of its database",
    "Inside the private network applications reach the pooler over plain TCP (the pooler speaks TLS to the databases); a client that "
    "insists on TLS is refused there.", Source("offramp's pooler: no client_tls_sslmode", "2026-11"),
)  # fmt: skip
KINDS = (BUDGET, UNPOOLED, SESSION, LISTENS, MIGRATION_LOCK, PREPARED, TLS)

# A link works with three connections and copies faster with more.
LINK_CONNECTIONS = 5
# DBInstanceClassMemory is what the instance has less what its system takes: some 0.3 GiB.
_RDS_BYTES_A_CONNECTION, _RDS_SYSTEM_BYTES, _RDS_MOST = 9_531_392, 300 * 1024**2, 5000

LISTENERS = (
    "good_job", "que", "queue_classic", "procrastinate", "graphile-worker", "oban", "pgmq-listener", "django-pgpubsub", "django-pgtrigger-listen",
)  # fmt: skip
PREPARERS = (
    ("asyncpg", "asyncpg: connect with statement_cache_size=0."),
    ("@prisma/client", "Prisma: add ?pgbouncer=true to the connection string that it reads."),
    ("postgresql-jdbc", "JDBC: add prepareThreshold=0 to the URL."),
    ("org.postgresql", "JDBC: add prepareThreshold=0 to the URL."),
    ("jackc/pgx", "pgx: set default_query_exec_mode=exec in the connection string."),
    ("postgrex", "Postgrex: set prepare: :unnamed in the repository's configuration."),
)
_DEPENDENCIES = (
    "requirements.txt", "Pipfile", "pyproject.toml", "Gemfile", "Gemfile.lock", "package.json", "mix.exs", "go.mod", "pom.xml",
    "build.gradle", "uv.lock", "poetry.lock",
)  # fmt: skip
_TLS_WORDS = re.compile(
    r"ssl_require\s*=\s*True|sslmode['\"]?\s*[:=]>?\s*['\"]?(require|verify-)|rejectUnauthorized", re.IGNORECASE
)


def rds_connections(memory_gb: float) -> int:
    """Return about how many connections RDS allows a class with this memory by default.

    Source: AWS's quota page for RDS, ``LEAST({DBInstanceClassMemory/9531392}, 5000)``; the memory taken by its system is an estimate.

    >>> rds_connections(1), rds_connections(4), rds_connections(64)
    (79, 417, 5000)
    """
    return min(_RDS_MOST, int((memory_gb * 1024**3 - _RDS_SYSTEM_BYTES) / _RDS_BYTES_A_CONNECTION))


def needs(name: str, text: str) -> bool:
    """Whether a dependency file names this package, and not only one whose name holds it.

    >>> needs("que", "gem 'que'"), needs("que", "gem 'sidekiq_queue'"), needs("@prisma/client", '"@prisma/client": "^5"')
    (True, False, True)
    """
    return re.search(rf"(?<![\w@/.-]){re.escape(name)}(?![\w-])", text) is not None


def demand(case: Case, database: Database) -> tuple[int, tuple[str, ...], bool]:
    """Return the connections that a database's apps open at most on one side, how that is made up, and whether all is known."""
    told, total, whole = [], 0, True
    apps = users(database)
    for app, process in case.running():
        if app.name not in apps:
            continue
        each = commands.clients(process.command)
        whole = whole and each is not None
        total += process.quantity * (each or 1)
        told.append(
            f"{process_name(app, process)}: {process.quantity} x {each if each is not None else 'at least 1 (its command does not say)'}"
        )
    return total, tuple(told), whole


def budget(case: Case) -> Iterator[Finding]:
    """Heroku's limit against dynos, pooler and link at once: by the peak in the logs where there is one."""
    peaks = {one.addon: one.peak for one in case.readings.connections}
    for database in case.estate.databases:
        limit = database.connection_limit
        if limit <= 0:
            continue
        estimated, told, whole = demand(case, database)
        peak = peaks.get(database.addon)
        dynos = estimated if peak is None else peak
        pool = max(2, min(case.readings.target.pool_size, limit // 3))
        if dynos + pool + LINK_CONNECTIONS > limit:
            how = told if peak is None else (f"{many(peak, 'connection')} at once at most, by its log.",)
            yield BUDGET.found(
                users(database),
                [database.addon],
                [f"{database.addon} allows {limit}: dynos {dynos}, pooler {pool}, link {LINK_CONNECTIONS} are "
                 f"{dynos + pool + LINK_CONNECTIONS}.", *how],
                *_more_room(database),
                database=database.addon,
                certain=whole or peak is not None,
            )  # fmt: skip


def _more_room(database: Database) -> tuple[Mend, ...]:
    steps = Steps(
        (
            "Lower workers or threads, lower pool_size under [design] in offramp.toml, or take a plan with more connections.",
        )
    )
    if ":essential" in database.plan or ":mini" in database.plan or ":basic" in database.plan:
        return (steps,)
    return (
        Commands((
            f"heroku pg:connection-pooling:attach {database.addon} --as DATABASE_CONNECTION_POOL -a {database.app}",
            "# then let the application read DATABASE_CONNECTION_POOL_URL instead of DATABASE_URL",
        )),
        steps,
    )  # fmt: skip


def beyond_rds(case: Case) -> Iterator[Finding]:
    for database in case.estate.databases:
        total, told, whole = demand(case, database)
        if (plan := sizes.database(database.plan)) is None:
            continue
        allowed = rds_connections(plan.memory_gb)
        if total > allowed:
            yield UNPOOLED.found(
                users(database),
                [database.addon],
                [f"The processes open up to {total}; a class with {plan.memory_gb} GB allows about {allowed}.", *told],
                Steps(("Keep the pooler, or RDS Proxy, between the services and RDS.",)),
                database=database.addon,
                certain=whole,
            )


def session_state(case: Case) -> Iterator[Finding]:
    databases = {database.addon: database for database in case.estate.databases}
    for seen in case.readings.sessions:
        if database := databases.get(seen.addon):
            yield SESSION.found(
                users(database),
                [seen.kind],
                [f"{seen.kind} seen {many(seen.times, 'time')}: {seen.example}."],
                Steps((seen.fix,)),
                database=seen.addon,
                title=f"{seen.kind[0].upper()}{seen.kind[1:]}: {seen.why}",
            )


def session_libraries(case: Case) -> Iterator[Finding]:
    for name in LISTENERS:
        places = [file for file in case.files(*_DEPENDENCIES) if needs(name, file.text)]
        started = [
            (app, process)
            for app, process in case.running()
            if commands.read(process.command).program == name
            or name.replace("-", "_") in process.command.replace("-", "_").split()
        ]
        apps = [file.app for file in places] + [app.name for app, _ in started]
        if apps:
            seen = [f"{file.app}/{file.path} names {name}." for file in places]
            seen += [f"{process_name(app, process)} runs `{process.command}`." for app, process in started]
            yield LISTENS.found(
                apps,
                [name],
                seen,
                Steps((
                    f"Switch {name} to polling where it can (its page on PgBouncer says how), or give its processes an address of the "
                    "database itself under env in blueprint.toml, and restart them at the switch.",
                )),
                certain=False,
            )  # fmt: skip


def rails_migrations(case: Case) -> Iterator[Finding]:
    for app in case.estate.apps:
        command = app.release_command or ""
        if not re.search(r"\b(rails|rake)\s+db:(migrate|prepare)\b", command):
            continue
        if any("advisory_locks: false" in file.text for file in case.readings.of_app(app.name)):
            continue
        yield MIGRATION_LOCK.found(
            [app.name],
            [f"{app.name} release"],
            [f"The release phase of {app.name} runs `{command}`."],
            Steps(("Add `advisory_locks: false` to production in config/database.yml; deploy one release at a time.",)),
        )


def prepared_statements(case: Case) -> Iterator[Finding]:
    for name, step in PREPARERS:
        if places := [file for file in case.files(*_DEPENDENCIES) if needs(name, file.text)]:
            yield PREPARED.found(
                [file.app for file in places],
                [name],
                [f"{file.app}/{file.path} names {name}." for file in places],
                Steps(
                    (
                        "Run the pooler's image with PgBouncer 1.21 or newer, and see that SHOW CONFIG has max_prepared_statements above 0; or:",
                        step,
                    )
                ),
                certain=False,
            )


def tls_demanded(case: Case) -> Iterator[Finding]:
    attached = {app for database in case.estate.databases for app in users(database)}
    for app in case.estate.apps:
        if app.name not in attached:
            continue
        names = [one.name for one in app.config if one.name == "PGSSLMODE"]
        lines = [
            place for file in case.readings.of_app(app.name) for place in lines_with(_TLS_WORDS, file.path, file.text)
        ]
        if not (names or lines):
            continue
        mends: list[Mend] = (
            [Steps(("Demand TLS by the URL's own sslmode only, and not in code; the pooler's URL has none.",))]
            if lines
            else []
        )
        if names:
            mends.append(Steps((f"Check the value (`heroku config:get PGSSLMODE -a {app.name}`): prefer works with both; unless it is "
                                "that, set PGSSLMODE = \"prefer\" under env of its services in blueprint.toml.",)))  # fmt: skip
        yield TLS.found(
            [app.name],
            [*names, *(line.partition(": ")[0] for line in lines)],
            [*(f"{app.name} has the config var {name}." for name in names), *lines],
            *mends,
            certain=False,
        )


def lines_with(pattern: re.Pattern[str], path: str, text: str, most: int = 5) -> tuple[str, ...]:
    """Return ``path:line: text`` of the lines that a pattern is found in, ``most`` of them.

    >>> lines_with(re.compile("b+"), "x.py", "a\\n bb \\n")
    ('x.py:2: bb',)
    """
    found = [
        f"{path}:{number}: {line.strip()[:120]}"
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]
    return tuple(found[:most])


RULES: tuple[Rule, ...] = (
    budget, beyond_rds, session_state, session_libraries, rails_migrations, prepared_statements, tls_demanded,
)  # fmt: skip
