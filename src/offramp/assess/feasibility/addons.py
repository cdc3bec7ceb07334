"""What becomes of each add-on: moved, replaced by a service of AWS, kept with an account of its own, or no longer needed?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...discover import catalogue
from ...discover.model import OtherAddon
from .kinds import Case, Kind, Rule
from .model import Commands, Finding, Severity, Source, Steps, Subject

_ELEMENTS = Source("Heroku Elements and the add-ons' own pages; AWS service pages", "2026-11")

CONNECT = Kind(
    "heroku-connect", Subject.CONNECT, Severity.BLOCKS, "Heroku Connect",
    "It synchronises Salesforce with a Heroku Postgres database, and with nothing else: once the database is on RDS, both stop seeing "
    "each other's changes.", Source("Heroku Dev Center, Heroku Connect: requires Heroku Postgres", "2026-11"),
)  # fmt: skip
KAFKA = Kind(
    "kafka", Subject.ADDONS, Severity.BLOCKS, "Apache Kafka on Heroku",
    "offramp does not move topics: producers and consumers must move together, with a mirror between the old brokers and the new ones.", Source("Heroku Dev Center, Apache Kafka on Heroku", "2026-11"),
)  # fmt: skip
STORE = Kind(
    "addon-keeps-data", Subject.ADDONS, Severity.BLOCKS, "An add-on that keeps data",
    "offramp does not move it, and it is deleted with the Heroku app that pays for it.", _ELEMENTS,
)  # fmt: skip
ELSEWHERE = Kind(
    "addon-owned-elsewhere", Subject.ADDONS, Severity.BLOCKS, "A database or cache that belongs to an app outside this move",
    "A database moves with all who write to it. As it is, this app on AWS would reach it over the internet, and the other app would "
    "stay its owner.", Source("Heroku Platform API, add-on attachments", "2026-11"),
)  # fmt: skip
FOLLOWER = Kind(
    "follower", Subject.ADDONS, Severity.FIRST, "A follower database",
    "It replays the primary and is not moved: who reads it must read something else.", Source("Heroku Dev Center, Postgres followers", "2026-11"),
)  # fmt: skip
UNKNOWN = Kind(
    "addon-unknown", Subject.ADDONS, Severity.BLOCKS, "An add-on that offramp does not know",
    "Nobody has said yet whether it keeps data and whether it works without Heroku.", _ELEMENTS,
)  # fmt: skip
KEEP = Kind(
    "addon-keep", Subject.ADDONS, Severity.AFTER, "Add-ons to keep, with an account of their own",
    "They are reached over the internet by their config vars, which move along. The account is Heroku's: it ends with the app, so ask "
    "the vendor for a contract of your own before Heroku is switched off.", _ELEMENTS,
)  # fmt: skip
REPLACE = Kind(
    "addon-replace", Subject.ADDONS, Severity.AFTER, "Add-ons whose work AWS does",
    "They act on dynos or on Heroku's router, so they have nothing to act on any more.", _ELEMENTS,
)  # fmt: skip
UNKNOWN_CACHE = Kind(
    "cache-plan-unknown", Subject.CACHES, Severity.BLOCKS, "A cache whose size is not known",
    "Without the plan's memory no node of the same size can be chosen.", _ELEMENTS,
)  # fmt: skip
CACHE_COLD = Kind(
    "cache-not-persistent", Subject.CACHES, Severity.KNOW, "A cache that does not persist",
    "A mini plan loses its keys at every restart, so nothing important should be in it: the new one may as well start cold.",
    Source("Heroku Dev Center, Heroku Key-Value Store plans", "2026-11"),
)  # fmt: skip
CACHE_BACK = Kind(
    "cache-way-back", Subject.CACHES, Severity.KNOW, "What a cache receives on AWS does not come back",
    "Keys are carried over at the switch. A newer Valkey writes values that an older Redis cannot restore, so after a return to Heroku "
    "its cache is as it was at the switch.", Source("offramp: measured with Redis 6.2 to 8.2 and Valkey 9.1", "2026-11"),
)  # fmt: skip
DRAINS = Kind(
    "log-drains", Subject.LOGS, Severity.AFTER, "Log drains of your own",
    "Drains end with the app. On AWS all output goes to CloudWatch Logs; what reads the drains must read from there.",
    Source("Heroku Dev Center, Log Drains; AWS, CloudWatch Logs subscriptions", "2026-11"),
)  # fmt: skip
KINDS = (
    CONNECT,
    KAFKA,
    STORE,
    ELSEWHERE,
    FOLLOWER,
    UNKNOWN,
    KEEP,
    REPLACE,
    UNKNOWN_CACHE,
    CACHE_COLD,
    CACHE_BACK,
    DRAINS,
)


@dataclass(frozen=True, slots=True)
class Store:
    """A service that keeps data: its equal on AWS, and how to keep it instead (empty where that cannot be)."""

    equal: str
    keep: str = "Or keep it: open an account of your own with the vendor and have the instance moved there; it can be reached from AWS."


STORES = {
    "jawsdb": Store("Amazon RDS for MySQL: copy it with mysqldump, or let AWS DMS follow it."),
    "jawsdb-maria": Store("Amazon RDS for MariaDB: copy it with mariadb-dump, or let AWS DMS follow it."),
    "cleardb": Store("Amazon RDS for MySQL: copy it with mysqldump, or let AWS DMS follow it."),
    "stackhero-mysql": Store("Amazon RDS for MySQL: copy it with mysqldump, or let AWS DMS follow it."),
    "mongolab": Store("Amazon DocumentDB, if what you use of MongoDB is in it; else MongoDB Atlas on AWS."),
    "ormongo": Store("Amazon DocumentDB, if what you use of MongoDB is in it; else MongoDB Atlas on AWS."),
    "rediscloud": Store(
        "Amazon ElastiCache for Valkey: copy its keys with a tool of Redis's own (redis-cli --rdb, RIOT)."
    ),
    "redistogo": Store("Amazon ElastiCache for Valkey: copy its keys with redis-cli --rdb.", ""),
    "stackhero-redis": Store("Amazon ElastiCache for Valkey: copy its keys with redis-cli --rdb."),
    "bonsai": Store("Amazon OpenSearch Service: index anew from the database."),
    "searchbox": Store("Amazon OpenSearch Service: index anew from the database."),
    "foundelasticsearch": Store("Amazon OpenSearch Service, or Elastic Cloud on AWS: index anew from the database."),
    "cloudamqp": Store("Amazon MQ for RabbitMQ: let the old queues run dry, or use a shovel between the two."),
    "memcachier": Store("Amazon ElastiCache for Memcached: it starts cold."),
    "memcachedcloud": Store("Amazon ElastiCache for Memcached: it starts cold."),
    "bucketeer": Store("An S3 bucket of your own: `aws s3 sync` between the two, and once more at the switch."),
    "cloudcube": Store("An S3 bucket of your own: `aws s3 sync` between the two, and once more at the switch."),
    "graphenedb": Store("Amazon Neptune, or Neo4j Aura: dump and load."),
    "influxdb": Store("Amazon Timestream for InfluxDB: backup and restore."),
    "neon": Store("It stays reachable; or move it like any other database with `offramp pump`."),
    "crunchybridge": Store("It runs on AWS already; or move it like any other database with `offramp pump`."),
}
REPLACED = {
    "scheduler": "EventBridge schedules, made from the [[schedule]] entries of offramp.toml",
    "autoidle": "nothing: tasks do not idle",
    "rails-autoscale": "Application Auto Scaling on the ECS services",
    "judoscale": "Application Auto Scaling on the ECS services",
    "hirefire": "Application Auto Scaling on the ECS services",
    "ssl": "Certificate Manager",
    "fixie": "the NAT gateway's fixed address",
    "quotaguard": "the NAT gateway's fixed address",
    "quotaguardstatic": "the NAT gateway's fixed address",
    "quotaguardshield": "the NAT gateway's fixed address",
    "proximo": "the NAT gateway's fixed address",
    "papertrail": "CloudWatch Logs with `aws logs tail`",
    "logentries": "CloudWatch Logs with `aws logs tail`",
    "timber-logging": "CloudWatch Logs with `aws logs tail`",
}
"""Services with an equal on AWS that needs no vendor. Those that keep data are in ``STORES``."""


def _stores(case: Case) -> Iterator[OtherAddon]:
    """Yield add-ons of the estate's own apps that nobody has taken care of."""
    names = {app.name for app in case.estate.apps}
    yield from (other for other in case.estate.others if other.app in names and not _handled(other))


def _handled(other: OtherAddon) -> bool:
    return "heroku.handled_addons" in other.advice


def blockers(case: Case) -> Iterator[Finding]:
    for other in _stores(case):
        handled = f'When it is taken care of, add "{other.addon}" to heroku.handled_addons in offramp.toml.'
        seen = [f"{other.addon} ({other.plan}) of {other.app}."]
        match other.service:
            case "heroku-connect" | "herokuconnect":
                yield CONNECT.found([other.app], [other.addon], seen, Steps((
                    "Leave this app and its database on Heroku, or replace the synchronisation first: Amazon AppFlow, or Salesforce's "
                    "own APIs and change events.",
                    handled,
                )))  # fmt: skip
            case "heroku-kafka":
                yield KAFKA.found([other.app], [other.addon], seen, Steps((
                    "Leave it on Heroku, or move it first: Amazon MSK with MirrorMaker 2 between, consumers before producers.", handled,
                )))  # fmt: skip
            case service if store := STORES.get(service):
                yield STORE.found([other.app], [other.addon], seen, Steps(tuple(
                    step for step in (f"On AWS: {store.equal}", store.keep, handled) if step
                )))  # fmt: skip
            case catalogue.DATABASE_SERVICE:
                yield FOLLOWER.found([other.app], [other.addon], seen, Steps((
                    "Make a read replica on RDS after the switch, and give its address to those who read this one.", handled,
                )))  # fmt: skip
            case service if catalogue.blocks(service) and service not in REPLACED:
                yield UNKNOWN.found(
                    [other.app],
                    [other.addon],
                    seen,
                    Commands((f"heroku addons:docs {other.addon} -a {other.app}",)),
                    Steps((handled,)),
                )


def elsewhere(case: Case) -> Iterator[Finding]:
    names = {app.name for app in case.estate.apps}
    for other in case.estate.others:
        if (
            other.app in names
            or _handled(other)
            or other.service not in (catalogue.DATABASE_SERVICE, catalogue.CACHE_SERVICE)
        ):
            continue
        yield ELSEWHERE.found(
            [app.name for app in case.estate.apps if any(one.addon == other.addon for one in app.attachments)]
            or (sorted(names) if len(names) == 1 else []),
            [other.addon],
            [f"{other.addon} is attached here and belongs to {other.app}."],
            Commands((f"heroku addons:info {other.addon}",)),
            Steps((f"Add {other.app} to heroku.apps in offramp.toml, or detach it.",)),
            title=f"A database or cache that belongs to {other.app}, outside this move",
        )


def fates(case: Case) -> Iterator[Finding]:
    """One finding for all that are kept, one for all that are replaced."""
    others = [other for other in _stores(case) if other.service not in STORES]
    replaced = [other for other in others if other.service in REPLACED]
    kept = [other for other in others if other.service not in REPLACED and not catalogue.blocks(other.service)]
    if kept:
        yield KEEP.found(
            [other.app for other in kept],
            [other.addon for other in kept],
            [f"{other.addon} ({other.plan}) of {other.app}: {other.advice}" for other in kept],
            Commands(tuple(f"heroku addons:docs {other.addon} -a {other.app}" for other in kept)),
        )
    if replaced:
        yield REPLACE.found(
            [other.app for other in replaced],
            [other.addon for other in replaced],
            [f"{other.addon} of {other.app} becomes {REPLACED[other.service]}." for other in replaced],
            Steps(
                (
                    "Leave them until Heroku is let go: `offramp decide retire approve` and `offramp run` delete what is left.",
                )
            ),
        )


def caches(case: Case) -> Iterator[Finding]:
    for cache in case.estate.caches:
        if not cache.memory_mb:
            yield UNKNOWN_CACHE.found(
                [cache.app],
                [cache.addon],
                [f"{cache.addon} has the plan {cache.plan}."],
                Commands((f"heroku redis:info {cache.addon} -a {cache.app}",)),
                Steps((f'Move it by hand, and add "{cache.addon}" to heroku.handled_addons in offramp.toml.',)),
            )
    if mini := [cache for cache in case.estate.caches if cache.plan.endswith((":mini", ":hobby-dev"))]:
        yield CACHE_COLD.found(
            [cache.app for cache in mini],
            [cache.addon for cache in mini],
            [f"{cache.addon}: {cache.plan}." for cache in mini],
            Steps(("Nothing. If it holds a queue all the same, let the queue run dry before the switch.",)),
        )
    if case.estate.caches:
        yield CACHE_BACK.found(
            [cache.app for cache in case.estate.caches],
            [cache.addon for cache in case.estate.caches],
            [f"{cache.addon} of {cache.app}." for cache in case.estate.caches],
            Steps(("Keep in a cache only what can be made anew, or what workers can bear to see twice.",)),
        )


def drains(case: Case) -> Iterator[Finding]:
    if found := [(app, host) for app in case.estate.apps for host in app.drains]:
        yield DRAINS.found(
            [app.name for app, _ in found],
            [host for _, host in found],
            [f"{app.name} drains to {host}." for app, host in found],
            Steps((
                "Point the vendor at the log group: a subscription filter to its Firehose or Lambda forwarder, or its own CloudWatch "
                "integration.",
            )),
        )  # fmt: skip


RULES: tuple[Rule, ...] = (blockers, elsewhere, fates, caches, drains)
