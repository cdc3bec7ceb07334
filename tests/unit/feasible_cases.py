"""What makes each kind of finding speak, and what is so near to it that it must stay silent?"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from feasible import app, cache, config, database, estate, mentoring, other, process

from offramp.assess.feasibility.readings import (
    CodeSeen,
    Concern,
    ConnectionsSeen,
    CostHint,
    JobSeen,
    MemorySeen,
    Preflight,
    Readings,
    SessionSeen,
    SourceFile,
    Target,
    TrafficSeen,
)
from offramp.discover.model import (
    Activity,
    App,
    AttachmentName,
    CacheReadings,
    Call,
    Certificate,
    Credential,
    DatabaseService,
    Domain,
    Estate,
    NumberKey,
    Pipeline,
    Placed,
    Queue,
    Schedule,
    SeenJob,
    Server,
    Space,
    Statements,
    Table,
    Waiting,
    Webhook,
)
from offramp.discover.model import Readings as DatabaseReadings


@dataclass(frozen=True)
class World:
    """Everything that is given to the judge."""

    estate: Estate
    readings: Readings = field(default_factory=Readings)
    preflights: tuple[Preflight, ...] = ()
    cost: tuple[CostHint, ...] = ()


@dataclass(frozen=True)
class Case:
    key: str
    fires: World
    near_miss: World
    name: str = ""

    @property
    def label(self) -> str:
        return f"{self.key} {self.name}".strip()


QUIET = "gunicorn shop.wsgi -w 2 --keep-alive 75 --forwarded-allow-ips '*'"


def shop(*commands: str, **changes: object) -> App:
    """One app whose web process gives no cause for anything."""
    made = app("shop", process("web", QUIET), *(process(f"p{number}", one) for number, one in enumerate(commands)))
    return replace(made, **changes)  # type: ignore[arg-type]


def web(command: str, **changes: object) -> App:
    return replace(app("shop", process("web", command)), **changes)  # type: ignore[arg-type]


def on(*apps: App, **parts: object) -> World:
    return World(estate(*(apps or (shop(),)), **parts))


def stored(**changes: object) -> World:
    """The shop with a database of its own."""
    owned = config("DATABASE_URL", "the address", "DATABASE")
    return on(shop(config=(owned,)), databases=(replace(database("shop"), **changes),))  # type: ignore[arg-type]


def read(world: World, **readings: object) -> World:
    return replace(world, readings=replace(world.readings, **readings))  # type: ignore[arg-type]


def file(text: str, path: str = "settings.py", owner: str = "shop") -> dict[str, object]:
    return {"files": (SourceFile(owner, path, text),)}


def code(name: str, times: int = 12) -> dict[str, object]:
    return {"codes": (CodeSeen("shop", name, times, "web", "/reports"),)}


def said(why: str, blocking: bool, thing: str = "public.audit", stand_in: bool = True) -> World:
    return replace(
        stored(), preflights=(Preflight("postgresql-shop", (Concern(thing, why, "Do so.", blocking),), stand_in),)
    )


NOBODY = Activity(
    used=1, limit=120, active=0, idle=1, idle_in_transaction=0, by_application=(), open_long=(), waiting=()
)


def health(**changes: object) -> DatabaseReadings:
    quiet = DatabaseReadings(
        at=0.0, counted_since=None, growth=None, statements=Statements((), 0.0, 0, None), tables=(), indexes=(), index_bytes=0,
        numbers=(), unusual=(), activity=NOBODY, heap_hit=None, index_hit=None, oldest_xid_age=1000, frozen_limit=200_000_000,
        commits=0, rollbacks=0, deadlocks=0, temporary_bytes=0,
    )  # fmt: skip
    return replace(quiet, **changes)  # type: ignore[arg-type]


def server(made_with: str, now: str) -> Server:
    return Server(
        "17.6", "UTF8", "en_US.UTF-8", "en_US.UTF-8", "libc", made_with, now, "UTC", "replica", False, (), (), 120, 0
    )


def service(*credentials: str) -> DatabaseService:
    named = tuple(Credential(name, "active") for name in credentials)
    return DatabaseService("Available", 120, 0, "", (), None, None, named, "", "", "", "", "", (), None, ())


def keys(*libraries: str, queues: tuple[Queue, ...] = ()) -> CacheReadings:
    return CacheReadings(
        at=0.0, version="7.2", engine="valkey", used_bytes=0, peak_bytes=0, limit_bytes=0, eviction="noeviction", keys=1, expiring=0,
        evicted=0, hits=0, misses=0, clients=1, client_limit=40, persistence="", sampled=1, complete=True, patterns=(),
        libraries=libraries, queues=queues,
    )  # fmt: skip


def waiting(seconds: float) -> Activity:
    return replace(NOBODY, open_long=(Waiting(7, "shell", "idle in transaction", "insert", seconds, "", ()),))


def pooled(namespace: str | None) -> World:
    attached = (AttachmentName("DATABASE_POOL", "postgresql-shop", "shop", namespace, ("DATABASE_POOL_URL",)),)
    return on(shop(attachments=attached), databases=(database("shop"),))


def copied(name: str, value: str) -> World:
    """A second app with a config var of this value beside the shop's own stores."""
    owner = shop(config=(config("DATABASE_URL", "the address", "DATABASE"), config("REDIS_URL", "the cache", "REDIS")))
    second = app("billing", variables=(config(name, value),))
    return on(owner, second, databases=(database("shop"),), caches=(cache("shop"),))


def staged(one: str | None, two: str | None, name: str = "STRIPE_SECRET_KEY") -> World:
    """Two apps with one value, at two stages."""
    first = replace(app("shop", variables=(config(name, "same"),)), pipeline="p", pipeline_stage=one)
    return on(first, replace(app("shop-b", variables=(config(name, "same"),)), pipeline="p", pipeline_stage=two))


SPACE = Space("vault", "team", "virginia", "cedar", False, "allocated", "10.0.0.0/16", "10.1.0.0/16", ())
SMALL = (process("web", QUIET, size="Basic"),)
DEPENDS = "requirements.txt"
NIGHTLY = JobSeen("shop", "python tidy.py", 9, "hour")

DATABASES = (
    Case("preflight-refuses", said("It belongs to root, so it cannot be captured.", True), said("It is unlogged.", False)),
    Case("preflight-refuses", said("The target does not offer it.", True, stand_in=False), said("The target does not offer it.", True), "of the target itself"),
    Case("preflight-refuses", said("Functions are written in it, and the target does not have it.", True, "language plfoo"), said("Functions are written in it, and the target does not have it.", True, "language plv8"), "of a language"),
    Case("preflight-warns", said("It is unlogged.", False), said("Text sorts as C here and as en_US there.", False)),
    Case("database-too-old", stored(server_version=130020), stored(server_version=140000)),
    Case("database-too-new", stored(server_version=190000), stored(server_version=180003)),
    Case("database-version-ending", stored(server_version=150018), stored(server_version=170006)),
    Case("extension-not-on-rds", stored(extensions=("citext", "timescaledb")), stored(extensions=("citext", "vector", "postgis"))),
    Case("table-without-key", stored(tables=(Table("public", "audit", 9, 8192, ()),)), replace(stored(tables=(Table("public", "audit", 9, 8192, ()),)), preflights=(Preflight("postgresql-shop", ()),))),
    Case("database-concern", stored(concerns=("The prepared transaction x is open; end it before the move.",)), stored(concerns=("public.audit has no usable key; whole rows are followed instead.",))),
    Case("database-large", stored(bytes=600 * 1024**3), stored(bytes=400 * 1024**3)),
    Case("database-not-read", stored(server_version=0), stored()),
    Case("sequence-near-its-end", stored(readings=health(numbers=(NumberKey("public", "orders", "id", "integer", 1_900_000_000, 2_147_483_647),))), stored(readings=health(numbers=(NumberKey("public", "orders", "id", "integer", 1_000_000_000, 2_147_483_647),)))),
    Case("wraparound-vacuum-due", stored(readings=health(oldest_xid_age=210_000_000)), stored(readings=health(oldest_xid_age=150_000_000))),
    Case("collation-changed", stored(server=server("2.31", "2.39")), stored(server=server("2.39", "2.39"))),
    Case("several-credentials", stored(service=service("default", "analyst")), stored(service=service("default"))),
    Case("long-transactions", stored(readings=health(activity=waiting(300))), stored(readings=health(activity=waiting(3)))),
)  # fmt: skip

POOLING = (
    Case("connections-scarce", read(stored(connection_limit=20), connections=(ConnectionsSeen("postgresql-shop", 12),)), read(stored(connection_limit=40), connections=(ConnectionsSeen("postgresql-shop", 12),)), "by the log"),
    Case("connections-scarce", on(web("gunicorn a -w 8 --threads 4 --keep-alive 75 --forwarded-allow-ips '*'"), databases=(database("shop", limit=40),)), on(web("gunicorn a -w 8 --threads 4 --keep-alive 75 --forwarded-allow-ips '*'"), databases=(database("shop", limit=200),)), "by the commands"),
    Case("connections-beyond-rds", on(web("gunicorn a -w 20 --threads 5"), databases=(database("shop", limit=20),)), on(web("gunicorn a -w 2 --threads 5"), databases=(database("shop", limit=20),))),
    Case("session-state", read(stored(), sessions=(SessionSeen("postgresql-shop", "listen", "LISTEN jobs", 3, "nobody hears it", "Go past the pooler."),)), read(stored(), sessions=(SessionSeen("postgresql-other", "listen", "LISTEN jobs", 3, "", ""),))),
    Case("session-state-library", read(on(), **file("procrastinate==2.0\n", DEPENDS)), read(on(), **file("celery==5.4\n", DEPENDS)), "in a dependency file"),
    Case("session-state-library", on(shop("bundle exec good_job start")), on(shop("bundle exec sidekiq")), "in a command"),
    Case("session-state-library", read(on(), **file("gem 'que'\n", "Gemfile")), read(on(), **file("gem 'que-web-look'\ngem 'sidekiq_queue_metrics'\n", "Gemfile")), "with a short name"),
    Case("rails-migration-lock", on(shop(release_command="bundle exec rails db:migrate")), read(on(shop(release_command="bundle exec rails db:migrate")), **file("production:\n  advisory_locks: false\n", "config/database.yml"))),
    Case("prepared-statements", read(on(), **file("asyncpg==0.30\n", DEPENDS)), read(on(), **file("psycopg[binary]>=3.2\n", DEPENDS))),
    Case("database-tls-demanded", on(shop(config=(config("PGSSLMODE"),)), databases=(database("shop"),)), on(shop(config=(config("PGSSLMODE"),))), "by a config var"),
    Case("database-tls-demanded", read(stored(), **file("DATABASES['default'] = dj_database_url.config(ssl_require=True)\n")), read(stored(), **file("DATABASES['default'] = dj_database_url.config()\n")), "in code"),
    Case("pooled-by-heroku", pooled("connection-pooling:default"), pooled(None)),
)  # fmt: skip

REQUESTS = (
    Case("keep-alive-short", on(web("gunicorn a -w 2 --threads 4 --keep-alive 5")), on(web("gunicorn a -w 2 --threads 4 --keep-alive 75"))),
    Case("keep-alive-short", on(web("gunicorn a -w 2 --threads 4")), read(on(web("gunicorn a -w 2 --threads 4")), **file("keepalive = 75\n", "gunicorn.conf.py")), "by default"),
    Case("keep-alive-short", on(web("uvicorn a:app")), on(web("uvicorn a:app --timeout-keep-alive 75")), "of uvicorn"),
    Case("keep-alive-short", read(on(web("node server.js")), **file("server.keepAliveTimeout = 5_000\n", "server.js")), read(on(web("node server.js")), **file("server.keepAliveTimeout = 75_000\n", "server.js")), "of Node.js"),
    Case("keep-alive-short", read(on(web("gunicorn a -w 2 --threads 2")), **file("workers = 2\n", "gunicorn.conf.py")), read(on(web("gunicorn a -w 2")), **file("workers = 2\n", "gunicorn.conf.py")), "of sync workers"),
    Case("keep-alive-under-a-second", on(web("gunicorn a -w 2 --threads 4 --keep-alive 1")), on(web("gunicorn a -w 2 --threads 4 --keep-alive 2"))),
    Case("requests-over-30s", read(on(), **code("H12")), read(on(), **code("H12", times=0))),
    Case("idle-streams", read(on(), **code("H15")), read(on(), **code("H12")), "by code"),
    Case("idle-streams", read(on(), traffic=(TrafficSeen("shop", 1000, upgrades=3),)), read(on(), traffic=(TrafficSeen("shop", 1000),)), "by upgrades"),
    Case("idle-streams", on(web("daphne shop.asgi:application")), on(web("uvicorn shop.asgi:application")), "by server"),
    Case("broken-exchanges", read(on(), **code("H17")), read(on(), **code("H27"))),
    Case("clients-gone", read(on(), **code("H27")), read(on(), **code("H18"))),
    Case("slow-boot", read(on(), **code("R10")), read(on(), **code("R12"))),
    Case("slow-stop", read(on(), **code("R12")), read(on(), **code("R10"))),
    Case("crashes", read(on(), **code("H10")), read(on(), **code("H14"))),
    Case("uploads-on-disk", read(on(), **file("MEDIA_ROOT = BASE / 'media'\n")), read(on(), **file("MEDIA_ROOT = BASE / 'media'\nDEFAULT_FILE_STORAGE = 'storages.backends.s3.S3Storage'\n"))),
    Case("uploads-on-disk", read(on(), **file("MEDIA_ROOT = BASE / 'media'\n")), read(on(shop(config=(config("AWS_STORAGE_BUCKET_NAME"),))), **file("MEDIA_ROOT = BASE / 'media'\n")), "by config"),
    Case("database-on-disk", read(on(), **file("ENGINE = 'django.db.backends.sqlite3'\n")), read(stored(), **file("ENGINE = 'django.db.backends.sqlite3'\n"))),
    Case("memory-over-quota", read(on(), **code("R14")), read(on(), **code("R12")), "by code"),
    Case("memory-over-quota", read(on(), memory=(MemorySeen("shop", "web", 512, 600),)), read(on(), memory=(MemorySeen("shop", "web", 512, 480),)), "by metrics"),
    Case("memory-grows", read(on(), memory=(MemorySeen("shop", "web", 512, 400, 60),)), read(on(), memory=(MemorySeen("shop", "web", 512, 400, 2),))),
)  # fmt: skip

BUILDS = (
    Case("buildpack-without-equivalent", on(shop(buildpacks=("heroku/python", "https://github.com/heroku/heroku-buildpack-pgbouncer"))), on(shop(buildpacks=("heroku/nodejs", "heroku/python")))),
    Case("several-buildpacks", on(shop(buildpacks=("heroku/nodejs", "heroku/python"))), on(shop(buildpacks=("heroku/python",)))),
    Case("stack-ended", on(shop(stack="heroku-20")), on(shop(stack="heroku-22"))),
    Case("stack-ending", on(shop(stack="heroku-22")), on(shop(stack="heroku-24"))),
    Case("container-stack", on(shop(stack="container")), on(shop(stack="heroku-24"))),
    Case("pooler-in-the-dyno", on(web(f"bin/start-pgbouncer {QUIET}")), on(web(f"newrelic-admin run-program {QUIET}"))),
    Case("config-read-at-build", on(shop(config=(config("REACT_APP_API"),))), on(shop(config=(config("MY_REACT_APP"),)))),
)  # fmt: skip

CONFIG = (
    Case("database-url-copied", copied("SHOP_DATABASE_URL", "the address"), copied("SHOP_DATABASE_URL", "another address"), "by fingerprint"),
    Case("database-url-copied", on(shop(config=(config("REPORTS", "x"),)), databases=(database("shop", copied_to=("shop:REPORTS",)),)), on(shop(config=(config("REPORTS", "x"),)), databases=(database("shop"),)), "by discovery"),
    Case("cache-url-copied", copied("SHOP_CACHE", "the cache"), copied("SHOP_CACHE", "the address")),
    Case("database-address-unowned", on(shop(config=(config("LEGACY_DATABASE_URL"),))), on(shop(config=(config("LEGACY_DATABASE_URL", "", "LEGACY_DATABASE"),)))),
    Case("attachment-owned", stored(), on()),
    Case("secret-shared", staged("production", "production"), staged("production", "production", "LANGUAGE")),
    Case("secret-shared-with-staging", staged("production", "staging"), staged(None, None)),
    Case("dyno-assumptions", on(web(f"{QUIET} --name $DYNO")), on(web(f"{QUIET} --bind 0.0.0.0:$PORT")), "in a command"),
    Case("dyno-assumptions", on(shop(config=(config("HEROKU_APP_NAME"),))), on(shop(config=(config("HEROKU_POSTGRESQL_RED_URL", "", "HEROKU_POSTGRESQL_RED"),))), "in config"),
    Case("dyno-assumptions", read(on(), **file("DEBUG = 'DYNO' not in os.environ\n")), read(on(), **file("DYNOSAUR = 'DYNOSAUR'\n")), "in code"),
    Case("concurrency-from-the-dyno", on(web("gunicorn a.wsgi")), on(web("gunicorn a.wsgi", config=(config("WEB_CONCURRENCY"),)))),
    Case("proxy-trust-from-the-buildpack", on(web("gunicorn a.wsgi -w 2")), on(web("gunicorn a.wsgi -w 2", config=(config("FORWARDED_ALLOW_IPS"),))), "by config"),
    Case("proxy-trust-from-the-buildpack", read(on(web("gunicorn a.wsgi -w 2")), **file("SECURE_SSL_REDIRECT = True\n")), read(on(web("gunicorn a.wsgi -w 2")), **file("DEBUG = False\n")), "by code"),
)  # fmt: skip

JOBS = (
    Case("queue-in-flight", on(shop("celery -A shop worker -c 4")), on(shop("python manage.py work")), "by command"),
    Case("queue-in-flight", on(caches=(replace(cache("shop"), readings=keys("sidekiq", queues=(Queue("sidekiq", "mail", 5, 1, 2),))),)), on(caches=(replace(cache("shop"), readings=keys()),)), "by keys"),
    Case("clock-process", on(shop("celery -A shop beat")), on(shop("celery -A shop worker -c 4"))),
    Case("clock-process-several", on(app("shop", process("clock", "python clock.py", 2))), on(app("shop", process("clock", "python clock.py")))),
    Case("scheduler-jobs-unlisted", on(others=(other("scheduler", "shop"),)), on(others=(other("scheduler", "shop"),), schedules=(Schedule("shop", "tidy", "hour"),)), "with the add-on"),
    Case("scheduler-jobs-unlisted", read(on(), jobs=(NIGHTLY,)), read(on(schedules=(Schedule("shop", "python tidy.py", "hour"),)), jobs=(NIGHTLY,)), "in the log"),
    Case("scheduler-jobs-unlisted", on(seen_jobs=(SeenJob("shop", "tidy", "unknown", 1, 0.0, False),)), on(seen_jobs=(SeenJob("shop", "tidy", "hour", 9, 0.0, True),)), "by discovery"),
    Case("scheduler-inside-web", read(on(), **file("scheduler = BackgroundScheduler()\n", "shop/apps.py")), read(on(), **file("scheduler = BackgroundScheduler()\n", "clock.py"))),
    Case("release-phase", on(shop(release_command="python manage.py migrate")), on()),
)  # fmt: skip

ADDONS = (
    Case("heroku-connect", on(others=(other("heroku-connect", "shop"),)), on(others=(other("heroku-connect", "shop", "People take care of it: it stands under heroku.handled_addons in offramp.toml."),))),
    Case("kafka", on(others=(other("heroku-kafka", "shop"),)), on(others=(other("cloudamqp", "shop"),))),
    Case("addon-keeps-data", on(others=(other("cloudamqp", "shop"),)), on(others=(other("sentry", "shop"),))),
    Case("addon-owned-elsewhere", on(others=(other("heroku-postgresql", "strangers"),)), on(others=(other("sentry", "strangers"),))),
    Case("follower", on(others=(other("heroku-postgresql", "shop"),)), on(others=(other("heroku-postgresql", "strangers"),))),
    Case("addon-unknown", on(others=(other("never-heard-of", "shop"),)), on(others=(other("sentry", "shop"),))),
    Case("addon-keep", on(others=(other("sentry", "shop"),)), on(others=(other("scheduler", "shop"),))),
    Case("addon-replace", on(others=(other("judoscale", "shop"),)), on(others=(other("sentry", "shop"),))),
    Case("cache-plan-unknown", on(caches=(cache("shop", "premium-99", 0),)), on(caches=(cache("shop"),))),
    Case("cache-not-persistent", on(caches=(cache("shop", "mini", 25),)), on(caches=(cache("shop"),))),
    Case("cache-way-back", on(caches=(cache("shop"),)), on()),
    Case("log-drains", on(shop(drains=("logs.example.com",))), on()),
)  # fmt: skip

PLACES = (
    Case("region-apart", read(on(shop(region="eu")), target=Target(region="us-east-1")), read(on(shop(region="eu")), target=Target(region="eu-west-1"))),
    Case("regions-in-one-wave", on(shop(), replace(app("billing"), region="eu")), on(shop(), replace(app("billing"), region="virginia"))),
    Case("region", on(), read(on(), target=Target(region="us-east-1"))),
    Case("region-unknown", on(shop(region="atlantis")), on(shop(region="frankfurt"))),
    Case("static-outbound-addresses", on(others=(other("quotaguardstatic", "shop"),)), on(others=(other("sentry", "shop"),)), "by add-on"),
    Case("static-outbound-addresses", on(shop(config=(config("FIXIE_URL"),))), on(shop(config=(config("PROXY_URL"),))), "by config"),
    Case("static-outbound-addresses", on(shop(space="vault"), spaces=(replace(SPACE, outbound=("192.0.2.1",)),)), on(spaces=(SPACE,)), "by space"),
    Case("private-space", on(app("shop", process("web", QUIET, size="Private-S"))), on(app("shop", process("web", QUIET, size="Performance-M"))), "by size"),
    Case("private-space", on(shop(space="vault"), spaces=(SPACE,)), on(shop(space="vault"), spaces=(replace(SPACE, shield=True),)), "by space"),
    Case("shield-space", on(app("shop", process("web", QUIET, size="Shield-M"))), on(app("shop", process("web", QUIET, size="Private-M")))),
    Case("fir-generation", on(shop(generation="fir")), on()),
    Case("internal-routing", on(shop(internal=True)), on()),
    Case("apex-domain", on(shop(domains=(Domain("shop.co.uk", None),))), on(shop(domains=(Domain("www.shop.co.uk", None),)))),
    Case("dns-and-certificates", on(), on(shop(domains=()))),
    Case("no-custom-domain", on(shop(domains=())), on(app("shop", process("worker", "python work.py"), domains=()))),
    Case("wildcard-domain", on(shop(domains=(Domain("*.shop.example", None),))), on()),
    Case("certificate-failing", on(shop(domains=(Domain("www.shop.example", None, "failing", "CAA record"),))), on(shop(domains=(Domain("www.shop.example", None, "cert issued"),)))),
    Case("certificate-own", on(shop(certificates=(Certificate("stegosaurus-1", ("www.shop.example",), "2027-01-01T00:00:00Z", "DigiCert", False, False),))), on(shop(certificates=(Certificate("acm-1", ("www.shop.example",), "2027-01-01T00:00:00Z", "Let's Encrypt", True, False),)))),
)  # fmt: skip

PEOPLE = (
    Case("review-apps", on(replace(app("shop-pr-12"), pipeline_stage="review")), on(replace(app("shop-pr-office"), pipeline_stage="production")), "in the estate"),
    Case("review-apps", on(pipelines=(Pipeline("p", (Placed("shop", "production", True),), "automatic", 3, ""),)), on(pipelines=(Pipeline("p", (Placed("shop", "production", True),), "off", 0, ""),)), "of a pipeline"),
    Case("pipeline-promotion", staged("production", "staging"), staged("production", "production")),
    Case("maintenance-mode", on(shop(maintenance=True)), on()),
    Case("app-without-dynos", on(app("shop", process("web", QUIET, 0))), on(app("shop", process("web", QUIET, 1), process("worker", "work", 0)))),
    Case("app-without-processes", on(shop(processes=())), on(app("shop", process("web", QUIET, 0)))),
    Case("app-webhooks", on(shop(webhooks=(Webhook("hooks.example.com", ("api:release",), "notify"),))), on()),
    Case("preboot", on(shop(features=("preboot",))), on(shop(features=("log-runtime-metrics",)))),
    Case("autoscaling", on(others=(other("rails-autoscale", "shop"),)), on(others=(other("sentry", "shop"),))),
    Case("eco-sleep", on(app("shop", process("web", QUIET, size="Eco"))), on(app("shop", process("web", QUIET, size="Basic")))),
    Case("dearer-on-aws", replace(on(), cost=(CostHint("main", 4_000, 9_000),)), replace(on(), cost=(CostHint("main", 9_000, 4_000),))),
    Case("too-small-to-move", on(app("shop", *SMALL)), on(app("shop", *SMALL), app("billing", process("web", QUIET)))),
    Case("too-small-to-move", on(app("shop", *SMALL)), replace(on(app("shop", *SMALL)), cost=(CostHint("main", 9_000, 4_000),)), "without a bill"),
)  # fmt: skip

CASES = (*DATABASES, *POOLING, *REQUESTS, *BUILDS, *CONFIG, *JOBS, *ADDONS, *PLACES, *PEOPLE)
EXAMPLE = World(mentoring())
CALLED = on(app("shop", domains=()), app("front"), calls=(Call("front", "shop", "12 requests in the log"),))
