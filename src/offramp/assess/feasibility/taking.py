"""Where does what rules look at come from? The pump's and PostgreSQL's answers, the logs' store, and folders with an app's source."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from ...discover.model import Estate
from ...postgres.pooling import SessionUse
from ...pump import Concern as Said
from ...telemetry.model import MetricKind
from ...telemetry.store import Store
from . import hearing
from .readings import Concern, Preflight, Readings, SessionSeen, SourceFile

_SKIPPED = frozenset(
    {
        ".git",
        ".hg",
        ".venv",
        "venv",
        "node_modules",
        "vendor",
        "__pycache__",
        "dist",
        "build",
        "staticfiles",
        "tmp",
        "log",
    }
)
_TEXTS = """
    .py .rb .js .ts .mjs .cjs .jsx .tsx .php .go .java .kt .scala .clj .ex .exs .cs .rs .toml .txt .json .yml .yaml .lock .mod
    .gradle .xml .cfg .ini .conf
"""
_SUFFIXES = frozenset(_TEXTS.split())
_NAMES = frozenset({"Procfile", "Gemfile", "Pipfile", "Dockerfile", "Aptfile", "Rakefile"})
MOST_BYTES, MOST_FILES = 512 * 1024, 5000


def preflight(addon: str, said: Iterable[Said], *, stand_in: bool = True) -> Preflight:
    """Return what ``offramp.pump.check`` (or ``standalone.preflight``) said of one database add-on."""
    return Preflight(addon, tuple(Concern(one.object, one.why, one.fix, one.blocking) for one in said), stand_in)


def sessions(addon: str, uses: Iterable[SessionUse]) -> tuple[SessionSeen, ...]:
    """Return what ``offramp.postgres.pooling.session_uses`` found in one database."""
    return tuple(SessionSeen(addon, use.kind, use.example, use.times, use.why, use.fix) for use in uses)


def logs(
    readings: Readings, store: Store, estate: Estate, since: float | None = None, until: float | None = None
) -> Readings:
    """Return the readings with what the logs of the estate's apps say between two times (seconds since 1970)."""
    span = store.coverage()
    held = [found for app in estate.apps if (found := span.of(app.name)) and found.lines]
    for one in held:
        router = store.router(one.app, since, until)
        postgres = store.samples(one.app, MetricKind.POSTGRES, since, until)
        addons = [
            (each.config_var.removesuffix("_URL"), each.addon) for each in estate.databases if each.app == one.app
        ]
        readings = replace(
            readings,
            codes=(*readings.codes, *hearing.codes(router, store.events(one.app, since, until))),
            memory=(*readings.memory, *hearing.memory(store.samples(one.app, MetricKind.DYNO, since, until))),
            traffic=(*readings.traffic, hearing.traffic(router)),
            jobs=(*readings.jobs, *hearing.jobs(one.app, store.scheduler_runs(one.app, since, until))),
            connections=(*readings.connections, *hearing.connections(postgres, addons)),
        )
    days = max(((one.last_us - one.first_us) / 86_400e6 for one in held), default=0.0)
    return replace(readings, log_days=max(readings.log_days, days))


def source(app: str, folder: Path) -> tuple[SourceFile, ...]:
    """Return the text files of an app's repository: code and configuration of at most 512 KiB, the first 5,000 by name.

    Nothing is followed out of the folder. Raises OSError when the folder cannot be read.
    """
    found: list[SourceFile] = []
    for path in _files(folder):
        if len(found) == MOST_FILES:
            break
        if path.stat().st_size <= MOST_BYTES:
            found.append(SourceFile(app, path.relative_to(folder).as_posix(), path.read_text("utf-8", "replace")))
    return tuple(found)


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(names):
            path = Path(place, name)
            if (path.suffix in _SUFFIXES or name in _NAMES) and path.is_file() and not path.is_symlink():
                yield path


def _raise(error: OSError) -> None:
    raise error
