"""Does `offramp assess --watch` say which route suffers from which flaw of a database, and how much would go with it?

The estate's two database flaws (examples/mentoring/README.md) are made to cost most of the time above a low objective: longer lists, many
more rows, more people who look at agendas, workers for all of them. Then each flaw is taken away for real.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from planted import ESTATE, ROUTER, assessment, config, drained, latency_of, lines, offramp, rewrite

from offramp.kit import processes
from offramp.rehearsal import settings
from offramp.rehearsal.ground import Ground
from offramp.rehearsal.traffic import Traffic

OBJECTIVE_MS = 20.0
MENTORS, SESSIONS = "mentors-api", "sessions-api"
LIST, AGENDA = "GET /api/mentors", "GET /api/mentors/{id}/agenda"
PAGE, ROWS = 60, 2_400_000
RATE, WARM_SECONDS, WATCH = 12.0, 10.0, "100s"


@dataclass(frozen=True)
class Told:
    """What one run gave: the assessment, and each app's time above the objective for each request, from its router lines alone."""

    assessment: Mapping[str, Any]
    above_ms: Mapping[str, float]

    def causes(self, app: str) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = latency_of(self.assessment, app)["causes"]
        return found


def estate(made: Path, *, prefetched: bool) -> Path:
    """The example with long lists that ask once a row, unless ``prefetched``, and people who look at agendas."""
    shutil.copytree(ESTATE, made)
    views = made / MENTORS / "mentors" / "views.py"
    rewrite(views, "PAGE = 5", f"PAGE = {PAGE}")
    if prefetched:
        rewrite(views, '.order_by("-joined_at")', '.order_by("-joined_at").prefetch_related("skills")')
    rewrite(made / SESSIONS / "Procfile", "--workers 2 --threads 2", "--workers 2 --threads 4")
    agenda = '[[read]]\nname = "sessions.agenda"\nweight = '
    rewrite(made / "traffic.toml", f"{agenda}2\n", f"{agenda}20\n")
    return made


@contextmanager
def standing(folder: Path, name: str, *, prefetched: bool) -> Iterator[Ground]:
    """The estate on its simulated Heroku, discovered, with its logs flowing."""
    place = processes.own_directory(folder / name)
    ground = Ground(place, estate(folder / f"estate-{name}", prefetched=prefetched), rows=ROWS, seed=1)
    try:
        ground.start()
        settings.write(ground)
        offramp(ground, "discover")
        with drained(ground):
            yield ground
    finally:
        ground.stop()


def watched(ground: Ground) -> Told:
    """Let people use the estate while `offramp assess` watches it."""
    traffic = Traffic(ground, RATE, seed=1)
    traffic.start()
    traffic.rest(WARM_SECONDS)
    began = {app: _last_us(ground, app) for app in (MENTORS, SESSIONS)}
    offramp(ground, "assess", "--objective", str(OBJECTIVE_MS), "--watch", WATCH)
    above = {app: _above_ms(ground, app, since_us) for app, since_us in began.items()}
    traffic.stop()
    return Told(assessment(ground), above)


def _last_us(ground: Ground, app: str) -> int:
    return max(int(line["time_us"]) for line in lines(ground, app))


def _above_ms(ground: Ground, app: str, since_us: int) -> float:
    texts = (str(line["text"]) for line in lines(ground, app) if int(line["time_us"]) > since_us)
    total = [float(found[2]) + float(found[3]) for text in texts if (found := ROUTER.search(text))]
    return float(np.maximum(np.array(total) - OBJECTIVE_MS, 0).mean())


def indexed(ground: Ground, ddl: str) -> None:
    """Follow the advice at the source."""
    with psycopg.connect(config(ground, SESSIONS)["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(ddl.encode())


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_database_flaws_are_named_with_their_route_and_their_share_holds_when_they_are_mended(
    module_folder: Path,
) -> None:
    with standing(module_folder, "before", prefetched=False) as ground:
        before = watched(ground)
        named = {app: [(one["name"], one["subject"]) for one in before.causes(app)[:2]] for app in (MENTORS, SESSIONS)}
        print(
            {
                app: [(one["name"], one["subject"], round(one["share"], 2)) for one in before.causes(app)]
                for app in named
            }
        )
        print(before.above_ms)

        assert ("n+1", LIST) in named[MENTORS], before.causes(MENTORS)
        assert ("missing index", AGENDA) in named[SESSIONS], before.causes(SESSIONS)

        ddl = next(one["mend"] for one in before.causes(SESSIONS) if one["name"] == "missing index")
        assert "on public.bookings_session (mentor_id" in ddl
        indexed(ground, ddl)
        index_there = watched(ground)
    with standing(module_folder, "prefetched", prefetched=True) as ground:
        prefetched = watched(ground)

    for name, app, after in (("n+1", MENTORS, prefetched), ("missing index", SESSIONS, index_there)):
        said = next(float(one["share"]) for one in before.causes(app) if one["name"] == name)
        truth = 1 - after.above_ms[app] / before.above_ms[app]
        print(f"{app}, {name}: said {said:.2f}, true {truth:.2f}")

        assert said == pytest.approx(truth, abs=0.10), name
