"""The stages in order: start reading here.

Each verb is a package whose ``STAGE`` looks, judges and acts. ``Entry`` adds what the order of the trip must know of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from . import assess, cutover, deploy, design, discover, provision, replicate, retire, shift
from .engine.chapter import Chapter
from .engine.stage import Stage
from .settings import Settings


@dataclass(frozen=True)
class Entry:
    """A stage of the journey. One that ``thinks`` is given the settings, or what it ``asks`` of them, and writes a file that people
    review; the others are given the blueprint and change the world. Goals that stand ``side_by_side`` do not depend on each other."""

    stage: Stage[Any, Any, Any, Any]
    thinks: bool = False
    asks: Callable[[Settings], object] = lambda settings: settings
    side_by_side: bool = False


JOURNEY: tuple[Entry, ...] = (
    Entry(discover.STAGE, thinks=True),
    Entry(assess.STAGE, thinks=True, asks=assess.by_itself),
    Entry(design.STAGE, thinks=True),
    Entry(provision.STAGE),
    Entry(deploy.STAGE),
    Entry(shift.STAGE),
    # One link per database: a database that is still being copied must not keep the next one from starting.
    Entry(replicate.STAGE, side_by_side=True),
    Entry(cutover.STAGE),
    Entry(retire.STAGE),
)


def chapters(settings: Settings) -> tuple[Chapter, ...]:
    """Bind the journey to one migration. The blueprint is read once, when the first stage needs it."""
    blueprint = cache(lambda: design.load(settings.blueprint_path))
    return tuple(_chapter(entry, settings, blueprint) for entry in JOURNEY)


def _chapter(entry: Entry, settings: Settings, blueprint: Callable[[], object]) -> Chapter:
    want: Callable[[], object] = (lambda: entry.asks(settings)) if entry.thinks else blueprint
    return Chapter(entry.stage, want, acts=not entry.thinks, side_by_side=entry.side_by_side)
