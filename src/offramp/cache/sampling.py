"""What lies in a cache? Some of its keys, by SCAN, slowly and not for long: names, types, times to live and sizes, never a value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..kit.clock import Clock
from ..kit.secret import Secret
from .client import connected

BATCH = 500
KEYS = 20_000
SECONDS = 5.0
KEYS_PER_SECOND = 5_000
"""A Key-Value Store does some 100,000 simple commands a second; three for each of these keys take a seventh of it at most."""
SIZED = 2_000
"""MEMORY USAGE walks through a key's elements, so only so many are asked."""
LENGTHS = {"list": "LLEN", "hash": "HLEN", "zset": "ZCARD", "set": "SCARD", "stream": "XLEN"}


@dataclass(frozen=True, slots=True)
class SampledKey:
    """``ttl_ms`` is None for a key without end, ``bytes`` None for one that was not asked. The name is not for keeping."""

    name: str
    type: str
    ttl_ms: int | None
    bytes: int | None


@dataclass(frozen=True, slots=True)
class Sample:
    """``figures`` is the server's INFO; ``complete`` when every key was seen; ``eviction`` may be empty where INFO does not tell."""

    figures: Mapping[str, str]
    keys: int
    sampled: tuple[SampledKey, ...]
    complete: bool


def sample(
    url: Secret,
    clock: Clock,
    *,
    known: Iterable[str] = (),
    most: int = KEYS,
    seconds: float = SECONDS,
    per_second: float = KEYS_PER_SECOND,
) -> Sample:
    """Look at up to ``most`` keys within ``seconds``, and at those of ``known`` names in any case. Raises OutsideError's children."""
    with connected(url, verified=False) as server:
        figures = {str(name): str(value) for name, value in server.info().items() if not isinstance(value, dict)}
        keys = int(server.dbsize())
        names = dict.fromkeys(name.encode() for name in known)
        seen, complete = _names(server, clock, most, seconds, per_second)
        names |= dict.fromkeys(seen)
        found = tuple(_look(server, list(names)))
    return Sample(figures, keys, found, complete)


def lengths(url: Secret, keys: Iterable[SampledKey]) -> Mapping[str, int]:
    """Return how many elements each key has, by name; strings have none."""
    asked = [key for key in keys if key.type in LENGTHS]
    with connected(url, verified=False) as server, server.pipeline(transaction=False) as pipe:
        for key in asked:
            pipe.execute_command(LENGTHS[key.type], key.name)
        answers = pipe.execute(raise_on_error=False)
    return {key.name: answer for key, answer in zip(asked, answers, strict=True) if isinstance(answer, int)}


def members(url: Secret, name: str, *, most: int = 200) -> tuple[str, ...]:
    """Return the members of a set that holds the names of queues, sorted, at most ``most`` of them."""
    with connected(url, verified=False) as server:
        found = []
        for member in server.sscan_iter(name, count=most):
            found.append(member.decode("utf-8", "replace"))
            if len(found) >= most:
                break
    return tuple(sorted(found))


def _names(server: Any, clock: Clock, most: int, seconds: float, per_second: float) -> tuple[list[bytes], bool]:
    """Return names in the order in which SCAN finds them, and whether it came to its end."""
    began, cursor, found = clock.monotonic(), 0, dict[bytes, None]()
    while True:
        cursor, names = server.scan(cursor, count=BATCH)
        found |= dict.fromkeys(names)
        if cursor == 0:
            return list(found), True
        if len(found) >= most or clock.monotonic() - began >= seconds:
            return list(found)[:most], False
        ahead = len(found) / per_second - (clock.monotonic() - began)
        if ahead > 0:
            clock.sleep(min(ahead, seconds))


def _look(server: Any, names: list[bytes]) -> Iterator[SampledKey]:
    every = max(1, len(names) // SIZED)
    for first in range(0, len(names), BATCH):
        part = names[first : first + BATCH]
        with server.pipeline(transaction=False) as pipe:
            for place, name in enumerate(part, start=first):
                pipe.type(name)
                pipe.pttl(name)
                if place % every == 0:
                    pipe.memory_usage(name, samples=5)
            answers = iter(pipe.execute(raise_on_error=False))
        for place, name in enumerate(part, start=first):
            kind, ttl = next(answers), next(answers)
            size = next(answers) if place % every == 0 else None
            if isinstance(kind, bytes) and kind != b"none":
                yield SampledKey(
                    name.decode("utf-8", "replace"),
                    kind.decode(),
                    ttl if isinstance(ttl, int) and ttl >= 0 else None,
                    # A plan may forbid MEMORY; the size is then not known.
                    size if isinstance(size, int) else None,
                )
