"""Is the synthetic week the same for the same seed, and does the store read out of it what was put in?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from offramp.telemetry.store import Store

ROOT = Path(__file__).parents[2]


def week(folder: Path, form: str) -> list[Path]:
    command = [
        sys.executable,
        "-m",
        "bench.week",
        str(folder),
        "--lines",
        "4000",
        "--apps",
        "3",
        "--days",
        "2",
        "--form",
        form,
    ]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    subprocess.run(command, check=True, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    return sorted(folder.glob("*.log"))


@pytest.mark.parametrize("form", ["logplex", "heroku"])
def test_a_week_is_the_same_twice_and_comes_back_whole(tmp_path: Path, form: str) -> None:
    first, second = week(tmp_path / "one", form), week(tmp_path / "two", form)

    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    with Store(tmp_path / "logs") as store:
        done = store.take(first, now=1.0, workers=1)
        lines = [store.router(app) for app in store.apps()]
    assert [each.defects for each in done] == [(), (), ()]
    assert sum(map(len, lines)) == 4000
    for app in lines:
        assert bool(np.all(np.diff(app.completed_us) >= 0))
        assert set(app.routes) <= {
            "GET /", "GET /api/items/{id}", "GET /api/items", "POST /api/orders", "GET /api/v1/people/{id}/slots",
            "PUT /api/v1/people/{id}", "GET /static/{id}.js", "GET /reports/{id}/export",
        }  # fmt: skip
