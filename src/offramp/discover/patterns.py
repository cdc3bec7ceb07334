"""Which keys look alike? Names are reduced to patterns, in which nothing of a person or a token is left. Pure.

A name is cut at ``:``, ``/``, ``.`` and ``|``. A part stays as it is when it is plain words, at least ``ALIKE`` sampled keys share it at
that place, and few other words stand there beside it; every other part becomes ``*``. So ``session:9f2c`` and ``user:ann:cart`` become
``session:*`` and ``user:*:cart`` as soon as there is more than a handful of each.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence

from ..cache import SampledKey
from .model import KeyPattern

ALIKE = 3
WORDS = 20
"""More different words than this at one place are names of something, not of a kind."""
SHOWN = 50
_PARTS = re.compile(r"([:/.|]+)")
_WORD = re.compile(r"[A-Za-z][A-Za-z_-]{0,31}")


def patterns(sampled: Sequence[SampledKey], known: frozenset[str] = frozenset()) -> tuple[KeyPattern, ...]:
    """Return the patterns by the number of their keys, the rest of them as one. ``known`` names are shown as they are."""
    groups: dict[tuple[str, str], list[SampledKey]] = defaultdict(list)
    for key, pattern in zip(sampled, _reduced([key.name for key in sampled], known), strict=True):
        groups[pattern, key.type].append(key)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(_described(pattern, kind, keys) for (pattern, kind), keys in ordered[:SHOWN])


def reduced(names: Sequence[str], known: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Return the pattern of each name.

    >>> reduced(["cart:ann", "cart:bob", "cart:17", "lonely"])
    ('cart:*', 'cart:*', 'cart:*', '*')
    """
    return tuple(_reduced(names, known))


def _reduced(names: Sequence[str], known: frozenset[str]) -> list[str]:
    """Decide place by place, from the left: what stands at a place is counted among the names that agree up to it."""
    split = [_PARTS.split(name) for name in names]
    heads = [""] * len(names)
    for place in range(max(map(len, split), default=0)):
        counted: dict[str, Counter[str]] = defaultdict(Counter)
        for parts, head in zip(split, heads, strict=True):
            if place < len(parts):
                counted[head][parts[place]] += 1
        for number, parts in enumerate(split):
            if place < len(parts):
                heads[number] += _part(parts[place], counted[heads[number]], separator=place % 2 == 1)
    return [name if name in known else head for name, head in zip(names, heads, strict=True)]


def _part(part: str, beside: Counter[str], *, separator: bool) -> str:
    if separator or not part:
        return part
    words = sum(1 for word in beside if _WORD.fullmatch(word))
    kept = _WORD.fullmatch(part) and beside[part] >= ALIKE and words <= WORDS
    return part if kept else "*"


def _described(pattern: str, kind: str, keys: list[SampledKey]) -> KeyPattern:
    ttls = [key.ttl_ms // 1000 for key in keys if key.ttl_ms is not None]
    sizes = [key.bytes for key in keys if key.bytes is not None]
    return KeyPattern(
        pattern=pattern,
        type=kind,
        keys=len(keys),
        expiring=len(ttls),
        bytes=round(statistics.fmean(sizes) * len(keys)) if sizes else 0,
        median_ttl_seconds=int(statistics.median(ttls)) if ttls else None,
    )
