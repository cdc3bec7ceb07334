"""What does Heroku's marketplace sell, and what becomes of each of its services? Facts as of November 2026."""

from __future__ import annotations

DATABASE_SERVICE = "heroku-postgresql"
CACHE_SERVICE = "heroku-redis"
MINIMUM_SERVER_VERSION = 140000

_CACHE_MEMORY_MB = {
    "mini": 25, "0": 50, "1": 100, "2": 250, "3": 500, "5": 1024, "7": 7 * 1024, "9": 10 * 1024, "10": 25 * 1024,
    "12": 50 * 1024, "14": 100 * 1024,
}  # fmt: skip

# Services that hold data of their own and that offramp does not move.
_STORES = {
    "heroku-kafka": "Apache Kafka",
    "jawsdb": "MySQL",
    "jawsdb-maria": "MariaDB",
    "cleardb": "MySQL",
    "stackhero-mysql": "MySQL",
    "mongolab": "MongoDB",
    "ormongo": "MongoDB",
    "rediscloud": "Redis",
    "redistogo": "Redis",
    "stackhero-redis": "Redis",
    "bonsai": "Elasticsearch",
    "searchbox": "Elasticsearch",
    "foundelasticsearch": "Elasticsearch",
    "cloudamqp": "RabbitMQ",
    "memcachier": "Memcached",
    "memcachedcloud": "Memcached",
    "bucketeer": "files on S3",
    "cloudcube": "files on S3",
    "graphenedb": "Neo4j",
    "influxdb": "InfluxDB",
    "neon": "PostgreSQL",
    "crunchybridge": "PostgreSQL",
}

_LOGS = "Its log drain stops with the app; point the service at CloudWatch Logs, or keep it by a drain of your own."
_AGENT = "The service goes on with the same account: its config vars move along, its billing moves from Heroku to them."
_ADVICE = {
    "scheduler": "Heroku has no API for its jobs: list them as [[schedule]] in offramp.toml; they become EventBridge schedules.",
    "papertrail": _LOGS,
    "logdna": _LOGS,
    "coralogix": _LOGS,
    "logentries": _LOGS,
    "sumologic": _LOGS,
    "timber-logging": _LOGS,
    "logtail": _LOGS,
    "solarwinds": _LOGS,
    "newrelic": _AGENT,
    "scout": _AGENT,
    "sentry": _AGENT,
    "rollbar": _AGENT,
    "bugsnag": _AGENT,
    "honeybadger": _AGENT,
    "airbrake": _AGENT,
    "appsignal": _AGENT,
    "librato": _AGENT,
    "hostedgraphite": _AGENT,
    "sendgrid": _AGENT,
    "mailgun": _AGENT,
    "postmark": _AGENT,
    "mailtrap": _AGENT,
    "auth0": _AGENT,
    "algoliasearch": _AGENT,
    "pusher": _AGENT,
    "ably": _AGENT,
    "cloudinary": _AGENT,
    "twilio": _AGENT,
    "deadmanssnitch": "Point the snitch at the new scheduled tasks; its URL stays the same.",
    "autoidle": "Not needed on AWS.",
    "rails-autoscale": "ECS scales by itself; set the limits in the blueprint's services.",
    "judoscale": "ECS scales by itself; set the limits in the blueprint's services.",
    "hirefire": "ECS scales by itself; set the limits in the blueprint's services.",
    "fixie": "Not needed on AWS: the NAT gateway has fixed addresses. Tell them to those who allow-list yours.",
    "quotaguard": "Not needed on AWS: the NAT gateway has fixed addresses. Tell them to those who allow-list yours.",
    "quotaguardstatic": "Not needed on AWS: the NAT gateway has fixed addresses. Tell them to those who allow-list yours.",
    "ssl": "Not needed on AWS: Certificate Manager issues certificates.",
    "heroku-connect": "Works with Heroku Postgres only; replace the Salesforce synchronisation before the move.",
}
# Known, not a store, and yet the app stops working right without it.
_NEEDED = {"heroku-connect"}


def cache_memory_mb(plan: str) -> int:
    """Return the memory of a Key-Value Store plan, 0 for a plan that is not in the list.

    >>> cache_memory_mb("heroku-redis:premium-0"), cache_memory_mb("heroku-redis:mini"), cache_memory_mb("heroku-redis:x")
    (50, 25, 0)
    """
    return _CACHE_MEMORY_MB.get(plan.rpartition(":")[2].rpartition("-")[2], 0)


def advice(service: str) -> str:
    """Return what to do about an add-on that offramp does not move."""
    if kind := _STORES.get(service):
        return f"It stores data ({kind}) that offramp does not move; move it by hand or find its equal on AWS."
    return _ADVICE.get(
        service, "Unknown to offramp: find out whether it stores data and whether it works without Heroku."
    )


def blocks(service: str) -> bool:
    """Whether a move with this service may lose something: it stores data, is needed, or nobody knows what it is."""
    return service in _STORES or service in _NEEDED or service not in _ADVICE


_RDS_EXTENSIONS = """
    address_standardizer address_standardizer_data_us amcheck autoinc bloom bool_plperl btree_gin btree_gist citext cube dblink
    dict_int dict_xsyn earthdistance flow_control fuzzystrmatch hll hstore hstore_plperl hypopg insert_username intagg intarray
    ip4r isn jsonb_plperl lo ltree moddatetime mysql_fdw old_snapshot oracle_fdw orafce pageinspect pg_bigm pg_buffercache
    pg_cron pg_freespacemap pg_hint_plan pg_partman pg_prewarm pg_proctab pg_repack pg_similarity pg_stat_statements
    pg_tle pg_transport pg_trgm pg_visibility pg_walinspect pgactive pgaudit pgcrypto pglogical pgrouting pgrowlocks
    pgstattuple pgtap pgvector plperl plpgsql plprofiler pltcl plv8 postgis postgis_raster postgis_tiger_geocoder
    postgis_topology postgres_fdw prefix rdkit refint sslinfo tablefunc tcn tds_fdw test_parser tsm_system_rows
    tsm_system_time unaccent uuid-ossp vector wal2json
"""

RDS_EXTENSIONS = frozenset(_RDS_EXTENSIONS.split())
"""What RDS for PostgreSQL offers (its user guide, extensions supported by version). ``vector`` is pgvector's real name."""
