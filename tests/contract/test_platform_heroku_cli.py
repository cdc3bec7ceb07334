"""Does the official Heroku CLI work against the simulated Heroku? Nobody here wrote that client, which makes it the judge."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from heroku_cli_program import BINARIES, node_with_cli
from platform_fixtures import Running, running_platform, until, write_estate

COMMAND_SECONDS = 60

# Commands that only read, and what their output must hold.
READS: Mapping[str, tuple[str, ...]] = {
    "apps": ("owner@rehearsal.example Apps", "front", "shop"),
    "apps:info -a shop": ("=== shop", "heroku-postgresql:essential-0", "Pipeline:", "tiny - production", "web: 1", "heroku-24"),
    "addons": ("heroku-postgresql:essential-0", "$5/month", "created"),
    "addons -a shop": ("heroku-postgresql (postgresql-", "heroku-redis (redis-", "as DATABASE", "as REDIS"),
    "config -a shop": ("=== shop Config Vars", "DATABASE_URL:", "REDIS_URL:", "SECRET_KEY:"),
    "ps -a shop": ("=== web (Standard-1X): python web.py (1)", "web.1: up", "worker.1: up"),
    "ps:type -a shop": ("web", "Standard-1X", "$25", "worker"),
    "pg:info -a shop": ("=== DATABASE_URL", "Essential 0", "Available", "PG Version:", "/20", "postgresql-"),
    "pg:credentials -a shop": ("default", "active", "as DATABASE"),
    "features -a shop": ("[ ] preboot",),
    "certs -a shop": ("www.tiny.example", "ACM"),
    "pg:backups -a shop": ("No backups.",),
    "redis:info -a shop": ("REDIS_URL", "Mini", "noeviction"),
    "drains -a shop": ("http://127.0.0.1:9/first", "d."),
    "domains -a shop": (".herokuapp.com", "www.tiny.example", "CNAME", ".herokudns.com"),
    "releases -a shop": ("=== shop Releases - Current: v", "Deploy", "Initial release", "owner@rehearsal.example"),
    "pipelines": ("=== My Pipelines", "tiny"),
    "pipelines:info tiny": ("=== tiny", "shop", "front", "production"),
    "logs -a shop -n 200": ("heroku[web.1]: State changed from starting to up", "app[worker.1]: worker ready"),
}  # fmt: skip


@dataclass(frozen=True)
class Said:
    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Cli:
    """The CLI, pointed at a simulated Heroku by the variables that its authors provide for that."""

    heroku: Running
    home: Path
    node: Path

    def run(self, command: str, *, token: str | None = None, given: str = "") -> Said:
        env = {
            "PATH": f"{BINARIES}:{self.node}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "HEROKU_HOST": self.heroku.api,
            "HEROKU_API_KEY": self.heroku.token if token is None else token,
            "HEROKU_DATA_HOST": "127.0.0.1",
            "HEROKU_PARTICLEBOARD_URL": self.heroku.api,
            "HEROKU_ANALYTICS_URL": f"{self.heroku.api}/_rehearsal/state",
            "DISABLE_TELEMETRY": "true",
            "HEROKU_DISABLE_AUTOUPDATE": "true",
            "HEROKU_SKIP_NEW_VERSION_CHECK": "true",
            "NO_COLOR": "1",
            "COLUMNS": "200",
            # The meeting point of `heroku run` has a certificate of a private authority.
            "NODE_EXTRA_CA_CERTS": str(self.heroku.folder / "rendezvous" / "ca.crt"),
            "CI": "true",
        }
        done = subprocess.run(
            [BINARIES / "heroku", *command.split()],
            env=env, capture_output=True, text=True, timeout=COMMAND_SECONDS, input=given,
        )  # fmt: skip
        return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def cli(module_folder: Path) -> Iterator[Cli]:
    node = node_with_cli()
    estate = write_estate(module_folder / "estate", redis=True)
    home = module_folder / "home"
    home.mkdir()
    with running_platform(module_folder / "platform", estate) as heroku:
        heroku.call("POST", "/apps/shop/log-drains", {"url": "http://127.0.0.1:9/first"})
        yield Cli(heroku, home, node)


@pytest.fixture(scope="module")
def read(cli: Cli) -> Mapping[str, Said]:
    """What each reading command said; two run at a time, as each spends a second on starting."""
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(READS, pool.map(cli.run, READS), strict=True))


@pytest.mark.parametrize("command", READS)
def test_a_reading_command_prints_what_is_there(command: str, read: Mapping[str, Said]) -> None:
    said = read[command]

    assert said.status == 0, said.err
    assert [words for words in READS[command] if words not in said.out] == []


def test_config_set_makes_a_release_and_names_it(cli: Cli) -> None:
    said = cli.run("config:set GREETING=hello -a front")
    version = cli.heroku.call("GET", "/apps/front/releases", headers={"Range": "version ..; order=desc,max=1"}).json[0]

    assert said.status == 0, said.err
    assert "GREETING: hello" in said.out
    assert f"v{version['version']}" in said.err
    assert version["description"] == "Set GREETING config vars"


def test_config_unset_removes_it_again(cli: Cli) -> None:
    cli.run("config:set PASSING=1 -a front")
    said = cli.run("config:unset PASSING -a front")

    assert said.status == 0, said.err
    assert "PASSING" not in cli.heroku.call("GET", "/apps/front/config-vars").json


def test_config_set_of_an_add_ons_variable_is_refused_in_herokus_words(cli: Cli) -> None:
    said = cli.run("config:set DATABASE_URL=postgres://elsewhere/x -a shop")

    assert said.status != 0
    assert "Cannot overwrite attachment values DATABASE_URL." in said.err


def test_ps_scale_starts_and_stops_dynos(cli: Cli) -> None:
    up = cli.run("ps:scale web=2 -a front")
    until(lambda: cli.heroku.dynos("front").get("web.2", {}).get("state") == "up", "web.2")
    down = cli.run("ps:scale web=1 -a front")
    until(lambda: "web.2" not in cli.heroku.dynos("front"), "the end of web.2")

    assert (up.status, down.status) == (0, 0), up.err + down.err
    assert "now running web at 2:Standard-1X" in up.err


def test_ps_type_changes_the_size(cli: Cli) -> None:
    said = cli.run("ps:type web=standard-2x -a front")

    assert said.status == 0, said.err
    assert "Standard-2X" in said.out


def test_drains_add_and_remove(cli: Cli) -> None:
    added = cli.run("drains:add http://127.0.0.1:9/second -a front")
    listed = cli.run("drains -a front")
    removed = cli.run("drains:remove http://127.0.0.1:9/second -a front")

    assert (added.status, listed.status, removed.status) == (0, 0, 0), added.err + removed.err
    assert "Successfully added drain http://127.0.0.1:9/second" in added.out + added.err
    assert "http://127.0.0.1:9/second" in listed.out
    assert cli.heroku.call("GET", "/apps/front/log-drains").json == []


def test_maintenance_on_and_off(cli: Cli) -> None:
    on = cli.run("maintenance:on -a front")
    closed = cli.heroku.get("front").status
    off = cli.run("maintenance:off -a front")

    assert (on.status, closed, off.status) == (0, 503, 0), on.err + off.err
    assert cli.heroku.get("front").status == 200


def test_run_detached_gives_its_output_to_the_log(cli: Cli) -> None:
    said = cli.run("run:detached -a front -- echo once-and-never-again")

    assert said.status == 0, said.err
    until(lambda: any("]: once-and-never-again" in line for line in cli.heroku.lines("front", "app")), "its output")


def test_run_carries_input_output_and_status(cli: Cli) -> None:
    said = cli.run("run -x -a front -- cat && no-such-command", given="typed here\n")

    assert "typed here" in said.out
    assert said.status == 127


def test_credentials_rotate_and_a_backup_are_taken(cli: Cli) -> None:
    rotated = cli.run("pg:credentials:rotate -a shop --confirm shop")
    listed = cli.run("pg:credentials -a shop")
    captured = cli.run("pg:backups:capture -a shop")
    backups = cli.run("pg:backups -a shop")

    assert (rotated.status, captured.status, backups.status) == (0, 0, 0), rotated.err + captured.err
    assert "rotating" in listed.out
    assert re.search(r"b001 .*Completed", backups.out)


def test_a_bad_token_ends_in_the_clis_own_words(cli: Cli) -> None:
    said = cli.run("apps", token="HRKU-wrong")

    assert said.status == 1
    assert "is invalid" in said.err


def test_an_app_that_is_not_there_is_named_so(cli: Cli) -> None:
    said = cli.run("apps:info -a nothing")

    assert said.status == 2
    assert "Couldn't find that app." in said.err
