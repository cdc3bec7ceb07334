"""The link as a program of its own: ``python -m offramp.pump link --name N --direction forward --epoch 1``.

Environment: SOURCE_URL and TARGET_URL, or SOURCE_URL_COMMAND and TARGET_URL_COMMAND (shell commands that print a fresh URL, run
again after every failure); TARGET_OWNER, the role that owns the tables; OFFRAMP_PG_BIN, where pg_dump is. Events go to stdout
as JSON lines. SIGTERM ends it after the batch in flight, with status 0.
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

from ..errors import OfframpError, UnreachableError, UsageError
from ..kit.secret import Secret
from . import link
from .model import Event, Link
from .session import Means

URL_COMMAND_SECONDS = 30


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one link until SIGTERM; returns the exit status."""
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    try:
        options = _parser().parse_args(arguments)
        link.run(
            Link(options.name, options.direction, options.epoch),
            url_source("SOURCE_URL", environ),
            url_source("TARGET_URL", environ),
            stop=asked.is_set,
            report=print_event,
            means=_means(environ),
        )
    except OfframpError as error:
        print_event(Event("link refused", {"code": error.code, "because": error.message, "hint": error.hint}))
        return error.exit_status
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m offramp.pump")
    command = parser.add_subparsers(required=True).add_parser("link", help="keep one database equal to another")
    command.add_argument("--name", required=True)
    command.add_argument("--direction", choices=("forward", "reverse"), required=True)
    command.add_argument("--epoch", type=int, required=True)
    return parser


def _means(environ: Mapping[str, str]) -> Means:
    folder = environ.get("OFFRAMP_PG_BIN")
    return Means(environ.get("TARGET_OWNER") or None, Path(folder) if folder else None)


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
