"""The link as a program of its own: ``python -m offramp.pump link --name N --direction forward --epoch 1``.

Environment: SOURCE_URL and TARGET_URL, or SOURCE_URL_COMMAND and TARGET_URL_COMMAND (shell commands that print a fresh URL, run
again after every failure); TARGET_OWNER, the role that owns the tables; OFFRAMP_PG_BIN, where pg_dump is. Each limit may be
given as an option or in the environment: ``--max-rate`` as OFFRAMP_MAX_RATE and so on. Events go to stdout as JSON lines.
SIGTERM ends it after the batch in flight, with status 0. ``revive`` begins a dead link again on what it copied before.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .. import postgres
from ..errors import OfframpError, UnreachableError, UsageError
from ..kit.secret import Secret
from . import link, reviving
from .model import Event, Link
from .session import Means

URL_COMMAND_SECONDS = 30


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one link until SIGTERM; returns the exit status."""
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    try:
        options = _parser(environ).parse_args(arguments)
        named = Link(options.name, options.direction, options.epoch)
        source, target = url_source("SOURCE_URL", environ), url_source("TARGET_URL", environ)
        if options.command == "revive":
            _revive(named, source(), target())
            return 0
        link.run(named, source, target, stop=asked.is_set, report=print_event, means=_means(options, environ))
    except OfframpError as error:
        print_event(Event("link refused", {"code": error.code, "because": error.message, "hint": error.hint}))
        return error.exit_status
    return 0


def _parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m offramp.pump")
    commands = parser.add_subparsers(required=True, dest="command")
    link_command = commands.add_parser("link", help="keep one database equal to another")
    revive_command = commands.add_parser("revive", help="install a dead link's capture again and read every table anew")
    for command in (link_command, revive_command):
        command.add_argument("--name", required=True)
        command.add_argument("--direction", choices=("forward", "reverse"), required=True)
        command.add_argument("--epoch", type=int, required=True)
    _add_limits(link_command, environ)
    link_command.add_argument("--no-verify", action="store_true", help="do not check rows beside the batches")
    return parser


def _add_limits(command: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    plain = Means()
    limits: tuple[tuple[str, str, Callable[[str], float], str, float | None], ...] = (
        ("--max-rate", "BYTES", size, "read no more than this per second while copying, say 20MB", None),
        ("--max-source-load", "SESSIONS", float, "step back while more sessions of others than this are busy", None),
        ("--jobs", "N", int, "how many streams copy at once", plain.jobs),
        ("--log-cap", "BYTES", size, "end capture when its log holds more, say 10GB", None),
        ("--silence", "SECONDS", float, "end capture when nobody has read it for this long", plain.silence_seconds),
    )
    for flag, unit, kind, text, default in limits:
        given = environ.get("OFFRAMP_" + flag.removeprefix("--").replace("-", "_").upper())
        # argparse runs a default that is text through ``type``, so that a bad variable is reported like a bad option.
        command.add_argument(flag, type=kind, metavar=unit, help=text, default=given or default)


def size(text: str) -> int:
    """Return bytes for a number with or without a unit.

    >>> size("20MB"), size("512"), size("1.5 GB")
    (20971520, 512, 1610612736)
    """
    number = text.strip().upper().removesuffix("B").rstrip()
    units = {"K": 10, "M": 20, "G": 30, "T": 40}
    shift = units.get(number[-1:], 0)
    return int(float(number.rstrip("KMGT")) * (1 << shift))


def _means(options: argparse.Namespace, environ: Mapping[str, str]) -> Means:
    folder = environ.get("OFFRAMP_PG_BIN")
    return Means(
        owner=environ.get("TARGET_OWNER") or None,
        verify=not options.no_verify,
        dump_tools=Path(folder) if folder else None,
        max_rate_bytes=options.max_rate,
        max_source_load=options.max_source_load,
        jobs=options.jobs,
        log_cap_bytes=options.log_cap,
        silence_seconds=options.silence,
    )


def _revive(named: Link, source: Secret, target: Secret) -> None:
    name = f"offramp-revive-{named.name}"
    with (
        postgres.connect(source, application_name=name) as origin,
        postgres.connect(target, application_name=name) as receiver,
    ):
        tables = reviving.revive(origin, receiver, named)
    print_event(Event("link revived", {"tables": tables}))


def url_source(name: str, environ: Mapping[str, str]) -> Callable[[], Secret]:
    """Return a function that gives the URL each time it is asked. Raises UsageError when the environment names none."""
    if command := environ.get(f"{name}_COMMAND"):
        return lambda: _ask(name, command)
    if url := environ.get(name):
        return lambda: Secret(url)
    raise UsageError(
        f"Neither {name} nor {name}_COMMAND is set.", hint="Set one of them to say where that database is."
    )


def _ask(name: str, command: str) -> Secret:
    try:
        done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=URL_COMMAND_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise UnreachableError(f"{name}_COMMAND did not answer within {URL_COMMAND_SECONDS} s.") from error
    if done.returncode or not done.stdout.strip():
        # Neither stdout nor the command itself may be shown: they can hold the password.
        raise UnreachableError(f"{name}_COMMAND failed with status {done.returncode}.")
    return Secret(done.stdout.strip())


def print_event(event: Event) -> None:
    """Write one JSON line."""
    sys.stdout.write(json.dumps({"at": round(time.time(), 3), "event": event.what, **event.keys}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
