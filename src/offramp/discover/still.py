"""What of an estate moves by itself, and therefore never counts as a change? Pure."""

from __future__ import annotations

from dataclasses import replace

from .model import Cache, Database, DatabaseService, Estate


def still(estate: Estate) -> Estate:
    """Return the estate without what changes with every request: row counts, sizes, readings, the last backup, runs of jobs."""
    return replace(
        estate,
        databases=tuple(map(_database, estate.databases)),
        caches=tuple(map(_cache, estate.caches)),
        calls=tuple(replace(call, evidence="") for call in estate.calls),
        seen_jobs=tuple(replace(job, runs=0, last=0.0) for job in estate.seen_jobs),
        pipelines=tuple(replace(pipeline, open_review_apps=0) for pipeline in estate.pipelines),
    )


def _database(database: Database) -> Database:
    return replace(
        database,
        bytes=0,
        tables=tuple(replace(table, rows=0, bytes=0) for table in database.tables),
        readings=None,
        large_objects=0,
        service=_service(database.service) if database.service else None,
    )


def _service(service: DatabaseService) -> DatabaseService:
    """Heroku words the rollback as a time that moves on every day."""
    return replace(service, status="", last_backup_at=None, rollback="")


def _cache(cache: Cache) -> Cache:
    return replace(cache, readings=None)
