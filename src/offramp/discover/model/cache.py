"""What is one Heroku Key-Value Store made of, and what is it used for?"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeyPattern:
    """Keys that look alike: ``session:*``. ``keys`` and ``bytes`` are of the sample; ``expiring`` of them have a time to live.

    ``bytes`` is estimated from ``MEMORY USAGE`` of sampled keys; 0 when the server does not permit it.
    """

    pattern: str
    type: str
    keys: int
    expiring: int
    bytes: int
    median_ttl_seconds: int | None


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue that a library keeps here: how many jobs wait for a worker, run just now, and are due later."""

    library: str
    name: str
    pending: int
    in_flight: int
    scheduled: int


@dataclass(frozen=True, slots=True)
class CacheReadings:
    """One look into the server. ``at`` is in seconds since 1970; bytes are the server's own figures.

    ``sampled`` of ``keys`` keys were looked at; ``complete`` says whether that is all of them. ``libraries`` are those whose keys were
    recognised, with or without jobs in them.
    """

    at: float
    version: str
    engine: str
    used_bytes: int
    peak_bytes: int
    limit_bytes: int
    eviction: str
    keys: int
    expiring: int
    evicted: int
    hits: int
    misses: int
    clients: int
    client_limit: int
    persistence: str
    sampled: int
    complete: bool
    patterns: tuple[KeyPattern, ...]
    libraries: tuple[str, ...]
    queues: tuple[Queue, ...]


@dataclass(frozen=True, slots=True)
class Cache:
    """A Heroku Key-Value Store add-on."""

    addon: str
    app: str
    config_var: str
    plan: str
    memory_mb: int
    attached_to: tuple[str, ...]
    monthly_cents: int = 0
    copied_to: tuple[str, ...] = ()
    """``app:CONFIG_VAR`` that hold a URL to this store although no attachment put it there."""
    version: str = ""
    eviction: str = ""
    timeout: str = ""
    persistence: str = ""
    maintenance_window: str = ""
    readings: CacheReadings | None = None
