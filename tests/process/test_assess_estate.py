"""Does `offramp assess` answer for a living estate, with and without logs, with and without its databases?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from test_discover_heroku import Heroku, clients, directory, heroku, settle

from offramp import assess
from offramp.assess import file
from offramp.assess.model import Assessment
from offramp.engine.verdict import Do, Met
from offramp.telemetry.store import Store
from offramp.tools import Tools

__all__ = ["clients", "directory", "heroku"]


def run(heroku: Heroku, directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Type a command in the migration's directory."""
    environ = {**os.environ, "HEROKU_API_KEY": heroku.token}
    command = [sys.executable, "-m", "offramp", "--dir", str(directory), *words]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def estate(clients: Tools, heroku: Heroku) -> Path:
    """A directory with settings and an estate."""
    folder = clients.settings.directory
    (folder / "offramp.toml").write_text(
        f'name = "mini"\n[aws]\nregion = "us-east-1"\naccount = "000000000000"\n'
        f'[heroku]\napi = "{heroku.api}"\ndata_api = "{heroku.api}"\napps = ["mini-web", "mini-api"]\n'
        '[[schedule]]\napp = "mini-api"\ncommand = "true"\nevery = "day"\n'
    )
    settle(clients)
    return folder


def lines(app: str, count: int) -> str:
    """Router lines of one dyno with one worker, of which every fiftieth request holds it for two seconds."""
    said, free = [], 0.0
    for number in range(count):
        arrival = number * 0.25
        took = 2.0 if number % 50 == 0 else 0.03
        begin = max(arrival, free)
        free = begin + took
        path = "/slow" if number % 50 == 0 else "/fast"
        done = 1_795_400_000 + free
        said.append(
            f'{stamp(done)} heroku[router]: at=info method=GET path="{path}" host={app}.example request_id={number:032x} fwd="10.0.0.1" '
            f"dyno=web.1 connect=0ms service={round(1000 * (free - arrival))}ms status=200 bytes=1200 protocol=https"
        )
    return "\n".join(said) + "\n"


def stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")


def test_without_logs_the_page_says_how_to_get_them(estate: Path, heroku: Heroku) -> None:
    done = run(heroku, estate, "assess")

    assert done.returncode == 0, done.stderr
    assert "Why is it slow?  Not known yet" in done.stdout
    assert "offramp logs --import" in done.stdout
    assert len(done.stdout.splitlines()) <= 40
    assert str(estate / "assessment.html") in done.stdout
    assert "Next: offramp" in done.stderr
    found = file.read(estate / "assessment.json")
    assert found.cost is not None
    assert found.feasibility is not None and found.feasibility.apps
    assert [one.database for one in found.databases] == [found.scope.databases[0]]
    assert not found.conditions.brief


def test_with_logs_the_slow_app_is_told(estate: Path, heroku: Heroku, tmp_path: Path) -> None:
    saved = tmp_path / "api.log"
    saved.write_text(lines("mini-api", 3000))
    with Store(estate / "logs") as store:
        store.take((saved,), now=1_795_400_000, app="mini-api")

    done = run(heroku, estate, "assess", "--objective", "200", "--json")

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["schema"] == "offramp/assess/1"
    assert said["assessment"]["conditions"]["objective_ms"] == 200
    found = file.read(estate / "assessment.json")
    (latency,) = found.latencies
    assert (latency.app, latency.requests) == ("mini-api", 3000)
    queue = next(part for part in latency.attribution.parts if part.name == "queue")
    assert queue.share > 0.3
    assert "/slow" in (estate / "assessment.html").read_text()


def test_a_database_that_does_not_answer_is_a_gap_and_no_more(estate: Path, heroku: Heroku) -> None:
    content = json.loads((estate / "estate.json").read_text())
    content["databases"][0]["config_var"] = "GONE_URL"
    (estate / "estate.json").write_text(json.dumps(content))

    done = run(heroku, estate, "assess")

    assert done.returncode == 0, done.stderr
    assert "has no config var GONE_URL any more" in done.stdout


def settled(clients: Tools) -> Assessment:
    """Let the stage do what a run would have it do, twice; return what is on file."""
    want = assess.by_itself(clients.settings)
    (finding,) = assess.STAGE.judge(want, assess.STAGE.look(clients, want), {})
    assert isinstance(finding.verdict, Do)
    assess.STAGE.act(finding.verdict.deeds[0], clients)
    (finding,) = assess.STAGE.judge(want, assess.STAGE.look(clients, want), {})
    assert isinstance(finding.verdict, Met)
    return file.read(clients.settings.assessment_path)


def test_a_run_makes_a_brief_assessment_once(estate: Path, clients: Tools) -> None:
    found = settled(clients)

    assert found.conditions.brief
    assert found.cost is not None


def test_no_secret_reaches_the_assessment(estate: Path, clients: Tools, heroku: Heroku) -> None:
    settled(clients)
    secrets = [value.reveal() for value in clients.heroku.config_vars("mini-api").values()] + [heroku.token]

    written = clients.settings.assessment_path.read_text() + clients.settings.page_path.read_text()

    assert not [secret for secret in secrets if secret in written]


def test_a_what_if_that_is_none_is_refused_before_anything_is_read(estate: Path, heroku: Heroku) -> None:
    done = run(heroku, estate, "assess", "--what-if", "trafic=3")

    assert done.returncode == 2
    assert "Did you mean traffic?" in done.stderr
    assert not (estate / "assessment.json").exists()
