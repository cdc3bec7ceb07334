"""Do discover and design, through the real client, tell what the simulated Heroku runs, and refuse what they must?"""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from offramp import design, discover, tools
from offramp.design import file as blueprint_file
from offramp.discover import file as estate_file
from offramp.discover.model import Estate
from offramp.discover.seen import MakeSalt, WriteEstate
from offramp.engine.verdict import Ask, Do, Met, Refuse
from offramp.errors import CredentialsRejectedError, OfframpError, UnreachableError, UsageError
from offramp.heroku import Platform
from offramp.kit import processes
from offramp.kit.secret import Secret, password_of
from offramp.rehearsal.servers import ports
from offramp.settings import Settings
from offramp.telemetry.store import Store
from offramp.tools import Tools

REHEARSAL = """\
name = "mini"
domain = "mini.example"
pipeline = "mini"
[[app]]
name = "mini-api"
slug = "code"
features = ["preboot"]
domains = ["api.mini.example"]
addons = [{ plan = "heroku-postgresql:standard-0", as = "DATABASE" }, { plan = "heroku-redis:premium-0", as = "REDIS" }]
[app.formation]
web = { quantity = 1, size = "Standard-2X" }
[app.config]
SECRET_KEY = "do-not-show-me"
[[app.scheduler]]
command = "true"
every = "1 day"
[[app]]
name = "mini-web"
slug = "code"
domains = ["www.mini.example"]
[app.formation]
web = { quantity = 2, size = "Standard-1X" }
[app.config]
API_ORIGIN = "{origin:mini-api}"
[[app]]
name = "mini-empty"
slug = "empty"
"""
SERVER = """\
import http.server, os
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


class HurriedClock:
    """A clock on which waiting takes no time but its own."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass(frozen=True)
class Heroku:
    api: str
    token: str
    admin: httpx.Client

    def settings(self, directory: Path, heroku: str = 'apps = ["mini-web", "mini-api"]') -> Settings:
        return Settings.parse(
            f'name = "mini"\n[aws]\nregion = "us-east-1"\naccount = "000000000000"\n'
            f'[heroku]\napi = "{self.api}"\ndata_api = "{self.api}"\n{heroku}\n'
            '[[schedule]]\napp = "mini-api"\ncommand = "true"\nevery = "day"\n',
            directory,
        )


@pytest.fixture(scope="module")
def heroku(module_folder: Path) -> Iterator[Heroku]:
    code = module_folder / "estate" / "code"
    code.mkdir(parents=True)
    (code.parent / "rehearsal.toml").write_text(REHEARSAL)
    (code / "server.py").write_text(SERVER)
    (code / "Procfile").write_text("web: python server.py\nrelease: true\n")
    empty = code.parent / "empty"
    empty.mkdir()
    (empty / "Procfile").write_text("release: true\n")
    ready, log = module_folder / "platform" / "ready.json", module_folder / "platform.log"
    command: list[str | Path] = [
        sys.executable, "-m", "offramp.rehearsal.platform", "--dir", module_folder / "platform", "--estate", code.parent,
        "--http-port", str(ports.free_everywhere()), "--page-size", "1",
    ]  # fmt: skip
    platform = processes.spawn(command, env=os.environ, log=log)
    try:
        processes.wait_until(
            lambda: ready.exists() or platform.poll() is not None, seconds=60, what="the simulated Heroku"
        )
        assert ready.exists(), log.read_text()[-2000:]
        found = json.loads(ready.read_text())
        with httpx.Client(
            base_url=found["api"],
            headers={"Authorization": f"Bearer {found['token']}", "Accept": "application/vnd.heroku+json; version=3"},
        ) as admin:
            yield Heroku(found["api"], found["token"], admin)
    finally:
        processes.stop(platform, seconds=20)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def clients(heroku: Heroku, directory: Path) -> Iterator[Tools]:
    with ExitStack() as stack:
        settings = heroku.settings(directory)
        yield stack.enter_context(tools.build(settings, environ={"HEROKU_API_KEY": heroku.token}))


def settle(clients: Tools) -> list[str]:
    """Run the stage until it has nothing to do; return the titles of its deeds."""
    done: list[str] = []
    for _ in range(5):
        want = clients.settings
        (finding,) = discover.STAGE.judge(want, discover.STAGE.look(clients, want), {})
        if isinstance(finding.verdict, Met):
            return done
        assert isinstance(finding.verdict, Do), finding
        for deed in finding.verdict.deeds:
            discover.STAGE.act(deed, clients)
            done.append(deed.title)
    raise AssertionError(f"discover does not settle: {done}")


def found_estate(clients: Tools) -> Estate:
    settle(clients)
    return estate_file.read(clients.settings.estate_path)


def test_the_estate_is_written_once_and_then_met(clients: Tools) -> None:
    assert settle(clients) == [
        MakeSalt(Secret("")).title,
        WriteEstate(estate_file.read(clients.settings.estate_path)).title,
    ]
    assert settle(clients) == []


def test_the_estate_tells_what_runs(clients: Tools) -> None:
    found = found_estate(clients)

    api, web = found.apps
    assert (api.name, web.name) == ("mini-api", "mini-web")
    assert [(p.type, p.quantity, p.size, p.memory_mb) for p in web.processes] == [("web", 2, "Standard-1X", 512)]
    assert (api.release_command, api.pipeline, api.pipeline_stage) == ("true", "mini", "production")
    assert [domain.hostname for domain in api.domains] == ["api.mini.example"]
    (database,) = found.databases
    assert (database.app, database.config_var, database.attached_to) == (
        "mini-api",
        "DATABASE_URL",
        ("mini-api:DATABASE_URL",),
    )
    assert database.server_version >= 140000 and database.connection_limit > 0
    assert [(cache.config_var, cache.memory_mb) for cache in found.caches] == [("REDIS_URL", 50)]
    assert [other.service for other in found.others] == ["scheduler"]
    assert found.monthly_cents == 5000 + 2 * 2500 + 5000 + 1500
    variables = {variable.name: variable for variable in web.config}
    assert variables["API_ORIGIN"].points_at == "mini-api"
    assert (variables["API_ORIGIN"].address or "").startswith(f"http://{api.default_host}:")


def test_the_estate_tells_what_surrounds_an_app(clients: Tools) -> None:
    found = found_estate(clients)

    api = found.app("mini-api")
    assert api.features == ("preboot",)
    assert [(one.role, len(one.fingerprint)) for one in api.people] == [("owner", 12)]
    assert [(one.hosts, one.automatic) for one in api.certificates] == [(("api.mini.example",), True)]
    assert api.domains[0].certificate == api.certificates[0].name
    assert api.releases.deploys == 1 and api.releases.last_deploy_at and not api.releases.failed
    assert {(one.name, one.namespace) for one in api.attachments} >= {("DATABASE", None), ("REDIS", None)}
    (pipeline,) = found.pipelines
    assert {(one.app, one.in_estate) for one in pipeline.apps} == {
        ("mini-api", True),
        ("mini-web", True),
        ("mini-empty", False),
    }
    assert pipeline.review_apps == "off"
    assert [(call.caller, call.callee, call.evidence) for call in found.calls] == [
        ("mini-web", "mini-api", "config API_ORIGIN")
    ]
    assert found.unread == ()


def test_the_data_api_and_the_stores_themselves_are_heard(clients: Tools) -> None:
    found = found_estate(clients)

    (database,), (cache,) = found.databases, found.caches
    assert database.monthly_cents == 5000 and cache.monthly_cents == 1500
    assert database.service and database.readings and database.server and cache.readings
    assert (database.service.plan_connections, database.service.plan_bytes) == (200, 64 * 1024**3)
    assert [one.name for one in database.service.credentials] == ["default"]
    assert ("log_statement", "ddl") in {(one.name, one.value) for one in database.service.settings}
    assert not database.server.replication
    assert database.readings.activity.limit == database.connection_limit
    assert cache.eviction == "noeviction" and cache.readings.complete and cache.version.count(".") == 2


def test_what_the_log_tells_stands_in_the_estate(clients: Tools) -> None:
    folder = clients.settings.directory / "logs"
    log = clients.settings.directory / "saved.log"
    lines = []
    for hour in range(1, 6):
        at = f"2026-11-20T0{hour}:00:07.000000+00:00"
        lines.append(f"{at} heroku[scheduler.{hour}]: Starting process with command `python tidy.py`")
        lines.append(f"{at} heroku[scheduler.{hour}]: State changed from starting to up")
    log.write_text("\n".join(lines) + "\n")
    with Store(folder) as store:
        store.take([log], now=1_795_000_000.0, app="mini-api")

    (job,) = found_estate(clients).seen_jobs

    assert (job.app, job.command, job.every, job.runs, job.listed) == ("mini-api", "python tidy.py", "hour", 5, False)


def test_no_secret_reaches_the_directory(clients: Tools, heroku: Heroku) -> None:
    found_estate(clients)
    secrets = [value.reveal() for value in clients.heroku.config_vars("mini-api").values()] + [heroku.token]

    written = "".join(path.read_text() for path in clients.settings.directory.iterdir())

    assert not [secret for secret in secrets if secret in written]
    assert stat.S_IMODE(clients.settings.salt_path.stat().st_mode) == 0o600


def test_a_change_on_heroku_is_written(clients: Tools, heroku: Heroku) -> None:
    before = found_estate(clients)

    clients.heroku.set_config("mini-web", {"FLAVOUR": "plain"})

    after = found_estate(clients)
    assert {"FLAVOUR"} == {v.name for v in after.app("mini-web").config} - {
        v.name for v in before.app("mini-web").config
    }
    clients.heroku.set_config("mini-web", {"FLAVOUR": None})


def test_the_blueprint_follows_from_the_estate(clients: Tools) -> None:
    found = found_estate(clients)
    want = clients.settings

    (finding,) = design.STAGE.judge(want, design.STAGE.look(clients, want), {})
    assert isinstance(finding.verdict, Do)
    design.STAGE.act(finding.verdict.deeds[0], clients)

    (finding,) = design.STAGE.judge(want, design.STAGE.look(clients, want), {})
    assert isinstance(finding.verdict, Ask)
    made = blueprint_file.read(want.blueprint_path)
    assert [service.name for service in made.services] == ["mini-api-web", "mini-web-web"]
    port = (found.app("mini-web").config[0].address or "").rpartition(":")[2]
    assert [origin.value for origin in made.origins] == [f"http://api.mini.example:{port}"]
    assert made.zone == "mini.example"


def test_a_wrong_token_is_one_clear_error(heroku: Heroku, directory: Path) -> None:
    with tools.build(heroku.settings(directory), environ={"HEROKU_API_KEY": "HRKU-wrong"}) as clients:
        error = failure(clients, CredentialsRejectedError)

    assert (error.exit_status, "HRKU-wrong" in str(error)) == (5, False)
    assert "authorizations:create" in error.hint
    assert not list(directory.iterdir())


def test_an_api_that_is_not_heroku_is_one_clear_error(heroku: Heroku, directory: Path) -> None:
    port = ports.free_port()
    elsewhere = replace(heroku, api=f"http://127.0.0.1:{port}")
    hurried = Platform(elsewhere.api, Secret(heroku.token), clock=HurriedClock())
    with tools.build(elsewhere.settings(directory), environ={"HEROKU_API_KEY": heroku.token}) as clients:
        error = failure(replace(clients, heroku=hurried), UnreachableError)

    assert error.exit_status == 5
    assert f"127.0.0.1:{port}" in error.message


def test_an_app_that_is_not_there_is_one_clear_error(heroku: Heroku, directory: Path) -> None:
    settings = heroku.settings(directory, 'apps = ["mini-ap"]')
    with tools.build(settings, environ={"HEROKU_API_KEY": heroku.token}) as clients:
        error = failure(clients, UsageError)

    assert "Did you mean mini-api?" in error.hint


def test_an_app_without_formation_is_refused_and_nothing_written(heroku: Heroku, directory: Path) -> None:
    settings = heroku.settings(directory, 'pipeline = "mini"')
    with tools.build(settings, environ={"HEROKU_API_KEY": heroku.token}) as clients:
        findings = discover.STAGE.judge(settings, discover.STAGE.look(clients, settings), {})

    (verdict,) = [finding.verdict for finding in findings]
    assert isinstance(verdict, Refuse)
    assert "mini-empty has no formation" in verdict.because
    assert not list(directory.iterdir())


def test_the_url_command_prints_a_url_that_works(heroku: Heroku) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "offramp.heroku.url", "mini-api", "DATABASE_URL"],
        env={**os.environ, "HEROKU_API_KEY": heroku.token, "HEROKU_API_URL": heroku.api},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.startswith("postgres://") and done.stdout.endswith("\n")


def test_an_unreachable_database_is_one_clear_error(heroku: Heroku, clients: Tools, directory: Path) -> None:
    (database,) = found_estate(clients).databases
    before = clients.settings.estate_path.read_text()
    state = heroku.admin.get("/_rehearsal/state").json()
    # The last test of the module: nothing brings this server back.
    for pid in state["addons"][database.addon]["pids"]:
        os.kill(pid, signal.SIGKILL)

    error = failure(clients, UnreachableError)

    assert f"The database {database.addon} of mini-api cannot be reached" in error.message
    assert "heroku pg:info" in error.hint
    password = password_of(clients.heroku.config_vars("mini-api")["DATABASE_URL"].reveal())
    assert password and password not in str(error)
    assert clients.settings.estate_path.read_text() == before


def failure(clients: Tools, kind: type[OfframpError]) -> OfframpError:
    with pytest.raises(kind) as raised:
        discover.STAGE.look(clients, clients.settings)
    return raised.value


def command(
    heroku: Heroku, directory: Path, *words: str, token: str | None = None
) -> tuple[int, dict[str, object], str]:
    """Run offramp as a person would; return its exit status, the last object on stdout, and stderr."""
    environ = {"PATH": os.environ["PATH"], "HEROKU_API_KEY": heroku.token if token is None else token}
    done = subprocess.run(
        [sys.executable, "-m", "offramp", "--dir", str(directory), "--json", *words],
        env=environ, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout.splitlines()[-1]), done.stderr


SETTINGS = """name = "mini"
[heroku]
api = "{api}"
data_api = "{api}"
apps = [{apps}]
[aws]
region = "us-east-1"
account = "000000000000"
"""


def write_settings(heroku: Heroku, directory: Path, *apps: str) -> None:
    listed = ", ".join(f'"{app}"' for app in apps)
    (directory / "offramp.toml").write_text(SETTINGS.format(api=heroku.api, apps=listed))


def assert_one_clear_error(answer: dict[str, object], message: str, hint: str) -> None:
    error = answer["error"]
    assert isinstance(error, dict)
    assert message in str(error["message"])
    assert hint in str(error["hint"])


def test_a_wrong_token_ends_the_command_with_5(heroku: Heroku, directory: Path) -> None:
    write_settings(heroku, directory, "mini-api")
    status, answer, _ = command(heroku, directory, "run", token="HRKU-wrong")

    assert status == 5
    assert_one_clear_error(answer, "credentials", "heroku authorizations:create")
    assert not (directory / "estate.json").exists()


def test_a_missing_token_ends_the_command_with_2(heroku: Heroku, directory: Path) -> None:
    write_settings(heroku, directory, "mini-api")
    status, answer, _ = command(heroku, directory, "run", token="")

    assert status == 2
    assert_one_clear_error(answer, "HEROKU_API_KEY is not set", "export HEROKU_API_KEY")


def test_malformed_settings_end_the_command_with_2(heroku: Heroku, directory: Path) -> None:
    write_settings(heroku, directory, "mini-api")
    settings = directory / "offramp.toml"
    settings.write_text(settings.read_text().replace("apps = ", "aps = "))
    status, answer, _ = command(heroku, directory, "run")

    assert status == 2
    assert_one_clear_error(answer, "line 5", "apps")


def test_an_app_without_formation_ends_the_command_with_1(heroku: Heroku, directory: Path) -> None:
    write_settings(heroku, directory, "mini-empty")
    status, answer, _ = command(heroku, directory, "run")

    assert status == 1
    stopped = answer["stopped_at"]
    assert isinstance(stopped, dict)
    assert "mini-empty has no formation" in stopped["because"]
    assert "heroku ps -a mini-empty" in stopped["hint"]
    assert not (directory / "estate.json").exists()


def test_an_unknown_addon_ends_the_command_with_1(heroku: Heroku, directory: Path) -> None:
    write_settings(heroku, directory, "mini-web")
    made = heroku.admin.post("/apps/mini-web/addons", json={"plan": "adept-scale:basic"})
    made.raise_for_status()
    try:
        status, answer, _ = command(heroku, directory, "run")
    finally:
        heroku.admin.delete(f"/apps/mini-web/addons/{made.json()['id']}").raise_for_status()

    assert status == 1
    stopped = answer["stopped_at"]
    assert isinstance(stopped, dict)
    assert "adept-scale" in stopped["because"]
    assert "handled_addons" in stopped["hint"]
    assert not (directory / "estate.json").exists()
