#!/usr/bin/env python3
"""Runs the commands of docs/how-to/cutover-night.md in a rehearsal, one after the other, and writes there what they printed.

    .venv/bin/python scripts/cutover_night.py

Takes three minutes. A block that begins with ``$ offramp`` is a command; a comment before it says what happens first: `<!-- a console
is open -->`, `<!-- the controller dies -->`. Left out are `--yes` and the lines that only say that something is looked at.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import psycopg

from offramp.rehearsal import ground as grounds
from offramp.rehearsal import settings
from offramp.rehearsal.controller import Controller
from offramp.rehearsal.ground import Ground
from offramp.rehearsal.operator import Operator
from offramp.rehearsal.traffic import Traffic

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "how-to" / "cutover-night.md"
BLOCK = re.compile(r"(?:<!-- (?P<before>[^>]*) -->\n)?```\n\$ offramp (?P<command>[^\n]*)\n.*?```", re.S)
RATE, ROWS, SEED = 50.0, 300_000, 1
# Nobody may look at the proof before there was something to prove.
BASELINE_SECONDS = 10.0
CHANGING = ("run", "cutover", "rollback")
CONSOLE_APP = "mentors-api"
DEATH = "cutover/main#fence:after:1"
LOOKING = re.compile(r"^(\w+: looking|\S+: looks)")


class Console(threading.Thread):
    """Somebody's console on the Heroku side, which comes back whenever its session is ended."""

    def __init__(self, url: str) -> None:
        super().__init__(name="console", daemon=True)
        self.url, self.halt = url, threading.Event()

    def run(self) -> None:
        while not self.halt.is_set():
            with (
                suppress(psycopg.Error),
                psycopg.connect(self.url, application_name="heroku run console", autocommit=True) as console,
            ):
                while not self.halt.wait(0.2):
                    console.execute("select 1")


def main() -> int:
    folder = grounds.fresh_folder(None)
    ground = Ground(folder, ROOT / "examples" / "mentoring", ROWS, SEED)
    traffic = Traffic(ground, RATE, SEED)
    try:
        ground.start()
        settings.write(ground)
        traffic.start()
        traffic.rest(BASELINE_SECONDS)
        _until_the_night(ground)
        traffic.rest(BASELINE_SECONDS)
        consoles: list[Console] = []
        happens: Mapping[str, Callable[[], None]] = {
            "a console is open": lambda: consoles.append(_open_console(ground)),
            "the console is closed": lambda: consoles.pop().halt.set(),
            "the controller dies": lambda: _die(ground),
        }

        def run(found: re.Match[str]) -> str:
            before = found["before"] or ""
            if before:
                happens[before]()
            printed = _printed(ground, found["command"].split())
            sys.stdout.write(f"$ offramp {found['command']}\n{printed}\n\n")
            sys.stdout.flush()
            traffic.rest(2.0)
            mark = f"<!-- {before} -->\n" if before else ""
            return f"{mark}```\n$ offramp {found['command']}\n{printed}\n```"

        PAGE.write_text(BLOCK.sub(run, PAGE.read_text("utf-8")), "utf-8")
    finally:
        traffic.stop()
        ground.stop()
        grounds.clear(folder)
    return 0


def _until_the_night(ground: Ground) -> None:
    """Everything up to the decision to switch."""
    controller = Controller(ground, lambda event: None)
    while not (asked := controller.run("run", "--yes").asked or "").startswith("cutover/"):
        if asked == "design/blueprint":
            ground.publish_images()
        elif asked != "shift/start":
            raise SystemExit(f"Nobody expected to be asked {asked!r}; see {ground.folder}/controller.log.")
        controller.run("decide", asked, "approve")


def _open_console(ground: Ground) -> Console:
    url = Operator(ground).api("GET", f"/apps/{CONSOLE_APP}/config-vars")["DATABASE_URL"]
    console = Console(url)
    console.start()
    return console


def _die(ground: Ground) -> None:
    _offramp(ground, ["cutover", "main", "--yes", "--crash-at", DEATH])


def _printed(ground: Ground, words: list[str]) -> str:
    """What a person sees of the command, in the order in which it came."""
    said = _offramp(ground, [*words, *(["--yes"] if words[0] in CHANGING else [])])
    return "\n".join(line.rstrip() for line in said.splitlines() if not LOOKING.match(line)).strip("\n")


def _offramp(ground: Ground, words: list[str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "offramp", *words],
        env={**ground.environ, "COLUMNS": "200"},
        cwd=ground.work,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
