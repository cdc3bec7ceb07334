"""Which queue library keeps its jobs here, and how many wait or run? Recognised by the names of its keys; pure.

Names are those that the libraries' own sources write: Celery over kombu (redis transport), RQ, Sidekiq, Resque, Bull and BullMQ,
dramatiq, Huey, ARQ, Channels (channels_redis), Django's cache.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .model import Queue

# Looked at in any case, however many other keys there are.
FIXED = ("celery", "unacked", "unacked_index", "queues", "processes", "schedule", "retry", "dead", "rq:queues", "rq:workers",
         "resque:queues", "resque:workers", "arq:queue")  # fmt: skip
SETS_OF_NAMES = ("queues", "rq:queues", "resque:queues")
_BULL = re.compile(r"([^:]+):([^:]+):(wait|active|delayed|paused|prioritized|waiting-children|meta|id)")
_DRAMATIQ = re.compile(r"dramatiq:([^.:]+?)(\.DQ|\.XQ)?(\.msgs)?")
_ACKS = re.compile(r"dramatiq:__acks__\.[^.]+\.([^.]+?)(?:\.DQ)?")
_KOMBU = re.compile(r"_kombu\.binding\.(.+)")
_HUEY = re.compile(r"huey\.(?:redis|schedule|results)\.(.+)")
_ASGI = re.compile(r"asgi(?::|_|specific|group).*")
_DJANGO = re.compile(r"[\w.-]*:\d{1,3}:.+")
SAMPLES_FOR_DJANGO = 3


@dataclass(frozen=True, slots=True)
class Lengths:
    """Which keys are there, of which type, and how many elements each has where that was counted."""

    types: Mapping[str, str]
    counts: Mapping[str, int]
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The members of the sets in which libraries write down their queues."""

    def of(self, *keys: str) -> int:
        return sum(self.counts.get(key, 0) for key in keys)

    def matching(self, pattern: re.Pattern[str]) -> Iterator[tuple[str, re.Match[str]]]:
        for key in sorted(self.types):
            if found := pattern.fullmatch(key):
                yield key, found


def interesting(types: Mapping[str, str], names: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return the keys whose lengths must be known, those that were not sampled included."""
    made = [
        name
        for key, prefix in (("queues", "queue:"), ("resque:queues", "resque:queue:"))
        for name in _made(names, key, prefix)
    ]
    made += list(names.get("rq:queues", ()))
    made += [f"rq:wip:{name.removeprefix('rq:queue:')}" for name in names.get("rq:queues", ())]
    made += [f"rq:scheduled:{name.removeprefix('rq:queue:')}" for name in names.get("rq:queues", ())]
    made += [f"{found[1]}" for key in types if (found := _KOMBU.fullmatch(key))]
    asked = [
        key
        for key in types
        if key in FIXED or _BULL.fullmatch(key) or key.startswith(("dramatiq:", "huey.", "rq:wip", "unacked"))
    ]
    return tuple(dict.fromkeys((*asked, *made)))  # fmt: skip


def _made(names: Mapping[str, Sequence[str]], key: str, prefix: str) -> Iterator[str]:
    return (f"{prefix}{name}" for name in names.get(key, ()))


def recognise(seen: Lengths) -> tuple[tuple[str, ...], tuple[Queue, ...]]:
    """Return the libraries whose keys are there, and their queues."""
    found: dict[str, tuple[Queue, ...]] = {}
    for library, read in _LIBRARIES.items():
        queues = read(seen)
        if queues is not None:
            found[library] = queues
    return tuple(found), tuple(queue for queues in found.values() for queue in queues)


def _celery(seen: Lengths) -> tuple[Queue, ...] | None:
    names = {found[1] for _, found in seen.matching(_KOMBU)}
    # The exchanges of events and of remote control are bound like queues and are none.
    names = {
        name for name in names if not name.startswith(("celeryev", "reply.celery.pidbox")) and "pidbox" not in name
    }
    if seen.types.get("celery") == "list":
        names.add("celery")
    if not names and not seen.types.keys() & {"unacked", "unacked_index"}:
        return None
    in_flight = seen.of("unacked")
    queues = [Queue("Celery", name, seen.of(name), 0, 0) for name in sorted(names)]
    # What workers hold is in one hash for all queues, tasks with an ETA included.
    return (*queues, Queue("Celery", "(held by workers)", 0, in_flight, 0)) if in_flight else tuple(queues)


def _rq(seen: Lengths) -> tuple[Queue, ...] | None:
    names = {name.removeprefix("rq:queue:") for name in seen.names.get("rq:queues", ())}
    names |= {key.removeprefix("rq:queue:") for key in seen.types if key.startswith("rq:queue:")}
    if not names and "rq:workers" not in seen.types:
        return None
    return tuple(
        Queue("RQ", name, seen.of(f"rq:queue:{name}"), seen.of(f"rq:wip:{name}"), seen.of(f"rq:scheduled:{name}"))
        for name in sorted(names)
    )


def _sidekiq(seen: Lengths) -> tuple[Queue, ...] | None:
    names = seen.names.get("queues", ())
    if seen.types.get("queues") != "set" and seen.types.get("processes") != "set":
        return None
    queues = [Queue("Sidekiq", name, seen.of(f"queue:{name}"), 0, 0) for name in sorted(names)]
    working = sum(count for key, count in seen.counts.items() if key.endswith((":work", ":workers")))
    return (*queues, Queue("Sidekiq", "(all queues)", 0, working, seen.of("schedule", "retry")))


def _resque(seen: Lengths) -> tuple[Queue, ...] | None:
    if not seen.types.keys() & {"resque:queues", "resque:workers"}:
        return None
    working = sum(1 for key in seen.types if key.startswith("resque:worker:") and not key.endswith(":started"))
    queues = [
        Queue("Resque", name, seen.of(f"resque:queue:{name}"), 0, 0)
        for name in sorted(seen.names.get("resque:queues", ()))
    ]
    return (*queues, Queue("Resque", "(all queues)", 0, working, 0)) if working else tuple(queues)  # fmt: skip


def _bull(seen: Lengths) -> tuple[Queue, ...] | None:
    found = {(match[1], match[2]) for key, match in seen.matching(_BULL) if match[1] == "bull" or match[3] == "meta"}
    if not found:
        return None
    return tuple(
        Queue(
            "Bull", name,
            seen.of(*(f"{prefix}:{name}:{state}" for state in ("wait", "paused", "prioritized"))),
            seen.of(f"{prefix}:{name}:active"),
            seen.of(f"{prefix}:{name}:delayed"),
        )
        for prefix, name in sorted(found)
    )  # fmt: skip


def _dramatiq(seen: Lengths) -> tuple[Queue, ...] | None:
    names = {match[1] for _, match in seen.matching(_DRAMATIQ) if not match[1].startswith("__")}
    if not names:
        return None
    held = [(key, match[1]) for key, match in seen.matching(_ACKS)]
    return tuple(
        Queue(
            "dramatiq", name, seen.of(f"dramatiq:{name}"),
            seen.of(*(key for key, queue in held if queue == name)), seen.of(f"dramatiq:{name}.DQ"),
        )
        for name in sorted(names)
    )  # fmt: skip


def _huey(seen: Lengths) -> tuple[Queue, ...] | None:
    names = sorted({match[1] for _, match in seen.matching(_HUEY)})
    return tuple(Queue("Huey", n, seen.of(f"huey.redis.{n}"), 0, seen.of(f"huey.schedule.{n}")) for n in names) or None


def _arq(seen: Lengths) -> tuple[Queue, ...] | None:
    if seen.types.get("arq:queue") != "zset":
        return None
    running = sum(1 for key in seen.types if key.startswith("arq:in-progress:"))
    return (Queue("ARQ", "arq:queue", seen.of("arq:queue"), running, 0),)


def _channels(seen: Lengths) -> tuple[Queue, ...] | None:
    return () if any(True for _ in seen.matching(_ASGI)) else None


def _django(seen: Lengths) -> tuple[Queue, ...] | None:
    """Django's own key function writes PREFIX:VERSION:KEY; the values are strings."""
    strings = [key for key, _ in seen.matching(_DJANGO) if seen.types[key] == "string"]
    return () if len(strings) >= SAMPLES_FOR_DJANGO else None


_LIBRARIES: Mapping[str, Callable[[Lengths], tuple[Queue, ...] | None]] = {
    "Celery": _celery,
    "RQ": _rq,
    "Sidekiq": _sidekiq,
    "Resque": _resque,
    "Bull": _bull,
    "dramatiq": _dramatiq,
    "Huey": _huey,
    "ARQ": _arq,
    "Channels": _channels,
    "Django cache": _django,
}
