"""What is there, by app: lines of each kind, first and last, what was lost, what could not be read, and its bytes."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from .manifest import Manifest
from .model import AppCoverage, Count, Coverage
from .snapshot import Snapshot

NOT_DEFECTS = frozenset({"wire", "lost", "parts"})


@dataclass
class _Held:
    kinds: Counter[str] = field(default_factory=Counter)
    tallies: Counter[str] = field(default_factory=Counter)
    times: list[int] = field(default_factory=list)
    bytes: float = 0.0


def coverage(manifest: Manifest, snapshot: Snapshot) -> Coverage:
    """Return what the store holds, waiting lines too."""
    named = dict(manifest.drains())
    held: dict[str, _Held] = defaultdict(_Held)
    (waiting,) = snapshot.ask(("waiting",), {})
    rows = zip(
        *(waiting[name].tolist() for name in ("app", "kind", "rows", "min_us", "max_us", "untimed")), strict=True
    )
    for app, kind, count, first, last, untimed in rows:
        _add(held[named.get(app, app)], kind, count, first, last)
        held[named.get(app, app)].tallies["bad-time"] += untimed
    for app, kind, count, first, last in manifest.parts():
        _add(held[named.get(app, app)], kind, count, first, last)
    tallies = [*manifest.tallies(), *((app, name, count) for (app, name), count in snapshot.tallies.items())]
    for app, name, count in tallies:
        held[named.get(app, app)].tallies[name] += count
    for app, size in manifest.weights():
        held[named.get(app, app)].bytes += size
    files, stored = manifest.stored()
    apps = tuple(_app(app, held[app]) for app in sorted(held) if held[app].times)
    return Coverage(apps, files, stored, snapshot.waiting_bytes, manifest.total("torn-bytes"))


def _add(held: _Held, kind: str, count: int, first: int, last: int) -> None:
    held.kinds[kind] += count
    held.times += (first, last)


def _app(app: str, held: _Held) -> AppCoverage:
    return AppCoverage(
        app=app, lines=held.kinds.total(), kinds=tuple(Count(*pair) for pair in sorted(held.kinds.items())),
        first_us=min(held.times), last_us=max(held.times), lost=held.tallies["lost"],
        defects=tuple(Count(name, count) for name, count in sorted(held.tallies.items()) if count and name not in NOT_DEFECTS),
        wire_bytes=held.tallies["wire"], stored_bytes=round(held.bytes),
    )  # fmt: skip
