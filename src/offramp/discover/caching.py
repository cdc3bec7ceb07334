"""What is in one Key-Value Store? A sample of its keys as patterns, the queues that libraries keep there, and the server's own figures."""

from __future__ import annotations

from collections.abc import Mapping

from .. import cache
from ..cache import SampledKey
from ..kit.clock import Clock
from ..kit.secret import Secret
from . import patterns, queues
from .model import CacheReadings


def read(url: Secret, clock: Clock) -> CacheReadings:
    """Look into a store, for some seconds at most. Raises OutsideError's children when it does not answer."""
    sample = cache.sample(url, clock, known=queues.FIXED)
    types = {key.name: key.type for key in sample.sampled}
    named = {name: cache.members(url, name) for name in queues.SETS_OF_NAMES if types.get(name) == "set"}
    wanted = queues.interesting(types, named)
    asked = [SampledKey(name, types.get(name) or _made_type(name), None, None) for name in wanted]
    seen = queues.Lengths(types, cache.lengths(url, asked), named)
    libraries, found = queues.recognise(seen)
    figures = sample.figures
    return CacheReadings(
        at=clock.now(),
        version=figures.get("valkey_version") or figures.get("redis_version", ""),
        engine=figures.get("server_name") or "redis",
        used_bytes=_whole(figures, "used_memory"),
        peak_bytes=_whole(figures, "used_memory_peak"),
        limit_bytes=_whole(figures, "maxmemory"),
        eviction=figures.get("maxmemory_policy", ""),
        keys=sample.keys,
        expiring=sum(1 for key in sample.sampled if key.ttl_ms is not None),
        evicted=_whole(figures, "evicted_keys"),
        hits=_whole(figures, "keyspace_hits"),
        misses=_whole(figures, "keyspace_misses"),
        clients=_whole(figures, "connected_clients"),
        client_limit=_whole(figures, "maxclients"),
        persistence=_persistence(figures),
        sampled=len(sample.sampled),
        complete=sample.complete,
        patterns=patterns.patterns(sample.sampled, frozenset(queues.FIXED)),
        libraries=libraries,
        queues=found,
    )


def _made_type(name: str) -> str:
    """The type of a key that a library's list of queues promises; a queue without jobs has no key."""
    return "zset" if name.startswith(("rq:wip:", "rq:scheduled:")) else "list"


def _whole(figures: Mapping[str, str], name: str) -> int:
    text = figures.get(name, "")
    return int(text) if text.isdigit() else 0


def _persistence(figures: Mapping[str, str]) -> str:
    return "AOF" if figures.get("aof_enabled") == "1" else "RDB or none"
