"""What makes each kind of finding speak, and what is so near that it must not: requests, builds, config and jobs."""

from __future__ import annotations

from dataclasses import replace

from feasible import app, cache, config, database, other, process
from feasible_worlds import NIGHTLY, QUIET, Case, code, copied, file, keys, on, read, shop, staged, stored, web

from offramp.assess.feasibility.readings import (
    MemorySeen,
    TrafficSeen,
)
from offramp.discover.model import (
    ProcessType,
    Queue,
    Schedule,
    SeenJob,
)

REQUESTS = (
    Case(
        "keep-alive-short",
        on(web("gunicorn a -w 2 --threads 4 --keep-alive 5")),
        on(web("gunicorn a -w 2 --threads 4 --keep-alive 75")),
    ),
    Case(
        "keep-alive-short",
        on(web("gunicorn a -w 2 --threads 4")),
        read(on(web("gunicorn a -w 2 --threads 4")), **file("keepalive = 75\n", "gunicorn.conf.py")),
        "by default",
    ),
    Case("keep-alive-short", on(web("uvicorn a:app")), on(web("uvicorn a:app --timeout-keep-alive 75")), "of uvicorn"),
    Case(
        "keep-alive-short",
        read(on(web("node server.js")), **file("server.keepAliveTimeout = 5_000\n", "server.js")),
        read(on(web("node server.js")), **file("server.keepAliveTimeout = 75_000\n", "server.js")),
        "of Node.js",
    ),
    Case(
        "keep-alive-short",
        read(on(web("gunicorn a -w 2 --threads 2")), **file("workers = 2\n", "gunicorn.conf.py")),
        read(on(web("gunicorn a -w 2")), **file("workers = 2\n", "gunicorn.conf.py")),
        "of sync workers",
    ),
    Case(
        "keep-alive-under-a-second",
        on(web("gunicorn a -w 2 --threads 4 --keep-alive 1")),
        on(web("gunicorn a -w 2 --threads 4 --keep-alive 2")),
    ),
    Case("requests-over-30s", read(on(), **code("H12")), read(on(), **code("H12", times=0))),
    Case("idle-streams", read(on(), **code("H15")), read(on(), **code("H12")), "by code"),
    Case(
        "idle-streams",
        read(on(), traffic=(TrafficSeen("shop", 1000, upgrades=3),)),
        read(on(), traffic=(TrafficSeen("shop", 1000),)),
        "by upgrades",
    ),
    Case(
        "idle-streams", on(web("daphne shop.asgi:application")), on(web("uvicorn shop.asgi:application")), "by server"
    ),
    Case("broken-exchanges", read(on(), **code("H17")), read(on(), **code("H27"))),
    Case("clients-gone", read(on(), **code("H27")), read(on(), **code("H18"))),
    Case("slow-boot", read(on(), **code("R10")), read(on(), **code("R12"))),
    Case("slow-stop", read(on(), **code("R12")), read(on(), **code("R10"))),
    Case("crashes", read(on(), **code("H10")), read(on(), **code("H14"))),
    Case(
        "uploads-on-disk",
        read(on(), **file("MEDIA_ROOT = BASE / 'media'\n")),
        read(on(), **file("MEDIA_ROOT = BASE / 'media'\nDEFAULT_FILE_STORAGE = 'storages.backends.s3.S3Storage'\n")),
    ),
    Case(
        "uploads-on-disk",
        read(on(), **file("MEDIA_ROOT = BASE / 'media'\n")),
        read(on(shop(config=(config("AWS_STORAGE_BUCKET_NAME"),))), **file("MEDIA_ROOT = BASE / 'media'\n")),
        "by config",
    ),
    Case(
        "database-on-disk",
        read(on(), **file("ENGINE = 'django.db.backends.sqlite3'\n")),
        read(stored(), **file("ENGINE = 'django.db.backends.sqlite3'\n")),
    ),
    Case("memory-over-quota", read(on(), **code("R14")), read(on(), **code("R12")), "by code"),
    Case(
        "memory-over-quota",
        read(on(), memory=(MemorySeen("shop", "web", 512, 600),)),
        read(on(), memory=(MemorySeen("shop", "web", 512, 480),)),
        "by metrics",
    ),
    Case(
        "dyno-too-large",
        on(shop(processes=(ProcessType("web", QUIET, 1, "Performance-2XL", 126 * 1024),))),
        on(shop(processes=(ProcessType("web", QUIET, 1, "Performance-XL", 62 * 1024),))),
    ),
    Case(
        "memory-grows",
        read(on(), memory=(MemorySeen("shop", "web", 512, 400, 60),)),
        read(on(), memory=(MemorySeen("shop", "web", 512, 400, 2),)),
    ),
)

BUILDS = (
    Case(
        "buildpack-without-equivalent",
        on(shop(buildpacks=("heroku/python", "https://github.com/heroku/heroku-buildpack-pgbouncer"))),
        on(shop(buildpacks=("heroku/nodejs", "heroku/python"))),
    ),
    Case(
        "several-buildpacks",
        on(shop(buildpacks=("heroku/nodejs", "heroku/python"))),
        on(shop(buildpacks=("heroku/python",))),
    ),
    Case("stack-ended", on(shop(stack="heroku-20")), on(shop(stack="heroku-22"))),
    Case("stack-ending", on(shop(stack="heroku-22")), on(shop(stack="heroku-24"))),
    Case("container-stack", on(shop(stack="container")), on(shop(stack="heroku-24"))),
    Case("pooler-in-the-dyno", on(web(f"bin/start-pgbouncer {QUIET}")), on(web(f"newrelic-admin run-program {QUIET}"))),
    Case(
        "config-read-at-build", on(shop(config=(config("REACT_APP_API"),))), on(shop(config=(config("MY_REACT_APP"),)))
    ),
)

CONFIG = (
    Case(
        "database-url-copied",
        copied("SHOP_DATABASE_URL", "the address"),
        copied("SHOP_DATABASE_URL", "another address"),
        "by fingerprint",
    ),
    Case(
        "database-url-copied",
        on(shop(config=(config("REPORTS", "x"),)), databases=(database("shop", copied_to=("shop:REPORTS",)),)),
        on(shop(config=(config("REPORTS", "x"),)), databases=(database("shop"),)),
        "by discovery",
    ),
    Case("cache-url-copied", copied("SHOP_CACHE", "the cache"), copied("SHOP_CACHE", "the address")),
    Case(
        "database-address-unowned",
        on(shop(config=(config("LEGACY_DATABASE_URL"),))),
        on(shop(config=(config("LEGACY_DATABASE_URL", "", "LEGACY_DATABASE"),))),
    ),
    Case("attachment-owned", stored(), on()),
    Case("secret-shared", staged("production", "production"), staged("production", "production", "LANGUAGE")),
    Case("secret-shared-with-staging", staged("production", "staging"), staged(None, None)),
    Case(
        "dyno-assumptions", on(web(f"{QUIET} --name $DYNO")), on(web(f"{QUIET} --bind 0.0.0.0:$PORT")), "in a command"
    ),
    Case(
        "dyno-assumptions",
        on(shop(features=("runtime-dyno-metadata",))),
        on(shop(features=("log-runtime-metrics",))),
        "by a feature",
    ),
    Case(
        "database-address-unowned",
        on(shop(config=(replace(config("REPORTING"), endpoint="a1b2"),))),
        on(shop(config=(config("REPORTING"),))),
        "by its place",
    ),
    Case(
        "dyno-assumptions",
        on(shop(config=(config("HEROKU_APP_NAME"),))),
        on(shop(config=(config("HEROKU_POSTGRESQL_RED_URL", "", "HEROKU_POSTGRESQL_RED"),))),
        "in config",
    ),
    Case(
        "dyno-assumptions",
        read(on(), **file("DEBUG = 'DYNO' not in os.environ\n")),
        read(on(), **file("DYNOSAUR = 'DYNOSAUR'\n")),
        "in code",
    ),
    Case(
        "concurrency-from-the-dyno",
        on(web("gunicorn a.wsgi")),
        on(web("gunicorn a.wsgi", config=(config("WEB_CONCURRENCY"),))),
    ),
    Case(
        "proxy-trust-from-the-buildpack",
        on(web("gunicorn a.wsgi -w 2")),
        on(web("gunicorn a.wsgi -w 2", config=(config("FORWARDED_ALLOW_IPS"),))),
        "by config",
    ),
    Case(
        "proxy-trust-from-the-buildpack",
        read(on(web("gunicorn a.wsgi -w 2")), **file("SECURE_SSL_REDIRECT = True\n")),
        read(on(web("gunicorn a.wsgi -w 2")), **file("DEBUG = False\n")),
        "by code",
    ),
)

JOBS = (
    Case("queue-in-flight", on(shop("celery -A shop worker -c 4")), on(shop("python manage.py work")), "by command"),
    Case(
        "queue-in-flight",
        on(caches=(replace(cache("shop"), readings=keys("sidekiq", queues=(Queue("sidekiq", "mail", 5, 1, 2),))),)),
        on(caches=(replace(cache("shop"), readings=keys()),)),
        "by keys",
    ),
    Case("clock-process", on(shop("celery -A shop beat")), on(shop("celery -A shop worker -c 4"))),
    Case(
        "clock-process-several",
        on(app("shop", process("clock", "python clock.py", 2))),
        on(app("shop", process("clock", "python clock.py"))),
    ),
    Case(
        "scheduler-jobs-unlisted",
        on(others=(other("scheduler", "shop"),)),
        on(others=(other("scheduler", "shop"),), schedules=(Schedule("shop", "tidy", "hour"),)),
        "with the add-on",
    ),
    Case(
        "scheduler-jobs-unlisted",
        read(on(), jobs=(NIGHTLY,)),
        read(on(schedules=(Schedule("shop", "python tidy.py", "hour"),)), jobs=(NIGHTLY,)),
        "in the log",
    ),
    Case(
        "scheduler-jobs-unlisted",
        on(seen_jobs=(SeenJob("shop", "tidy", "unknown", 1, 0.0, False),)),
        on(seen_jobs=(SeenJob("shop", "tidy", "hour", 9, 0.0, True),)),
        "by discovery",
    ),
    Case(
        "scheduler-inside-web",
        read(on(), **file("scheduler = BackgroundScheduler()\n", "shop/apps.py")),
        read(on(), **file("scheduler = BackgroundScheduler()\n", "clock.py")),
    ),
    Case("release-phase", on(shop(release_command="python manage.py migrate")), on()),
)
