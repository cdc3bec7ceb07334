"""Do dynos live and die as on Heroku, and does nothing outlive the platform?"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from platform_fixtures import Running, launch, running_platform, until, write_estate, write_front

from offramp.kit import processes


@pytest.fixture(scope="module")
def heroku(module_folder: Path) -> Iterator[Running]:
    estate = write_front(module_folder / "estate")
    with running_platform(module_folder / "platform", estate, "--exit-seconds", "1") as platform:
        yield platform


def _registered(folder: Path) -> list[int]:
    return [int(line.split()[0]) for line in (folder / "pids").read_text().splitlines()]


def test_a_dyno_finds_its_environment(heroku: Running) -> None:
    env = heroku.get("front").json["env"]

    assert {
        "DYNO": "web.1",
        "COLOUR": "blue",
        "GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{env['PORT']}",
    }.items() <= env.items()
    assert "HRKU-" not in str(env)


def test_output_reaches_the_log_line_by_line_under_the_dynos_name(heroku: Running) -> None:
    heroku.get("front", "/say?text=exp%C3%A9di%C3%A9e")

    until(lambda: any(line.endswith(" app[web.1]: expédiée") for line in heroku.lines("front", "app")), "the line")


def test_a_dynos_disk_is_gone_with_it(heroku: Running) -> None:
    heroku.get("front", "/touch")
    written = heroku.get("front").json
    heroku.call("DELETE", "/apps/front/dynos")
    until(lambda: heroku.get("front").json["pid"] != written["pid"], "a new dyno")

    assert written["note"]
    assert not heroku.get("front").json["note"]


def test_a_crashed_dyno_is_started_again(heroku: Running) -> None:
    before = heroku.get("front").json["pid"]
    assert heroku.get("front", "/die").status == 503

    until(lambda: (again := heroku.get("front")).status == 200 and again.json["pid"] != before, "the next dyno")
    lines = heroku.lines("front", "heroku", "web.1")
    assert any(line.endswith("State changed from up to crashed") for line in lines)
    assert any(line.endswith("Process exited with status 3") for line in lines)


def test_a_dyno_that_ignores_sigterm_is_killed_with_r12(heroku: Running) -> None:
    heroku.call("PATCH", "/apps/front/config-vars", {"STUBBORN": "1"})
    until(lambda: heroku.get("front").json["env"].get("STUBBORN"), "the stubborn dyno")
    pid = heroku.get("front").json["pid"]
    heroku.call("PATCH", "/apps/front/config-vars", {"STUBBORN": None})
    until(lambda: not processes.alive(pid), "its end")

    def said(text: str) -> bool:
        return any(text in line for line in heroku.lines("front", "heroku", "web.1"))

    until(lambda: said("Process exited with status 137"), "its status")
    assert said("Error R12 (Exit timeout)")


def test_a_one_off_dyno_runs_with_the_apps_config(heroku: Running) -> None:
    answer = heroku.call("POST", "/apps/front/dynos", {"command": "echo $COLOUR $EXTRA", "env": {"EXTRA": "green"}})
    name = answer.json["name"]

    until(lambda: any(f"app[{name}]: blue green" in line for line in heroku.lines("front", "app")), "its output")


def test_the_register_names_exactly_what_runs(heroku: Running) -> None:
    running = {heroku.state()["pid"], *(dyno["pid"] for dyno in heroku.dynos("front").values())}

    until(lambda: set(_registered(heroku.folder)) == running, "a register without the dead")


def test_sigterm_leaves_no_process_behind(server_folder: Path) -> None:
    estate = write_estate(server_folder / "estate", redis=True)
    with running_platform(server_folder / "platform", estate) as heroku:
        pids = _registered(heroku.folder)
        addons = heroku.state()["addons"].values()
        served = {pid for addon in addons for pid in addon["pids"]}

    assert served <= set(pids)
    assert len(pids) >= 6
    assert [pid for pid in pids if processes.alive(pid)] == []
    assert not (server_folder / "platform" / "ready.json").exists()


def test_after_sigkill_the_register_still_names_what_must_be_swept(server_folder: Path) -> None:
    process, _ = launch(server_folder / "platform", write_front(server_folder / "estate"))
    until(lambda: (server_folder / "platform" / "ready.json").exists(), "the platform", 60)
    process.send_signal(signal.SIGKILL)
    process.wait()
    orphans = [pid for pid in _registered(server_folder / "platform") if processes.alive(pid)]
    for pid in orphans:
        os.kill(pid, signal.SIGKILL)

    assert orphans


def test_a_broken_estate_ends_with_its_reason_and_nothing_left(server_folder: Path) -> None:
    estate = write_front(server_folder / "estate")
    (estate / "front" / "web.py").write_text("raise SystemExit('cannot start')")
    before = time.monotonic()
    process, _ = launch(server_folder / "platform", estate)
    status = process.wait(60)
    said = (server_folder / "platform" / "platform.log").read_text()

    assert status == 5
    assert "The dynos of front did not come up." in said
    assert "cannot start" in said
    assert _registered(server_folder / "platform") == []
    assert time.monotonic() - before < 60
