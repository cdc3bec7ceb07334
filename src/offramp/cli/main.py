"""``offramp``: parse the words, call the migration, print the answer, and turn every error into its exit status."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from ..engine.redact import known_secrets, redact
from ..errors import BugError, OfframpError, OutsideError, UsageError
from ..migration import Migration
from . import acting, asking, assess, crash, logs, options, prices, pump, rehearse
from .shell import HERE, Answer, Shell

INTERRUPTED_STATUS = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--dir",
    "directory",
    default=HERE,
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where offramp.toml and the files of the migration are.",
)
@options.as_json
@click.version_option(package_name="offramp", message="%(version)s")
@click.pass_obj
def offramp(shell: Shell, directory: Path) -> None:
    """Move an organisation's applications from Heroku to AWS while they run.

    Exit status: 0 met, 1 refused, 2 usage, 3 waiting for a person, 4 a bug, 5 something outside.
    """
    shell.directory = directory


for _command in (
    acting.discover,
    assess.assess,
    acting.design,
    asking.plan,
    acting.run,
    asking.status,
    asking.why,
    acting.decide,
    acting.cutover,
    acting.rollback,
    asking.log,
    logs.logs,
    logs.drain,
    prices.prices,
    rehearse.rehearse,
    pump.pump,
):
    offramp.add_command(_command)


def main(argv: Sequence[str] | None = None, open_migration: Callable[[Path], Migration] = Migration) -> int:
    """Run one command line and return its exit status; ``open_migration`` is for tests with stages of their own."""
    words = list(sys.argv[1:] if argv is None else argv)
    shell = Shell(json="--json" in words, open=open_migration)
    name = _name(words)
    try:
        answer: Any = offramp.main(args=words, prog_name="offramp", standalone_mode=False, obj=shell)
        # Click returns a number after --help and --version, when it was asked not to exit.
        if not isinstance(answer, Answer):
            return int(answer or 0)
        shell.print(name, answer)
        return answer.exit_status
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        return _explain(shell, name, UsageError(_sentence(error), hint=_help(error)))
    except (click.Abort, KeyboardInterrupt):
        shell.say("\nStopped. Nothing needs cleaning up; the same command goes on from here.")
        return INTERRUPTED_STATUS
    except BrokenPipeError:
        # Whoever read our output has left; python would fail once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OutsideError.exit_status
    except OfframpError as error:
        return _explain(shell, name, error)
    except Exception as error:
        return _explain(shell, name, _unexpected(shell, error))


def _name(words: Sequence[str]) -> str:
    """Return which command was meant, ``pump-status`` for one of a group.

    >>> _name(["--json", "pump", "status", "old", "new"])
    'pump-status'
    """
    for place, word in enumerate(words):
        if command := offramp.commands.get(word):
            inner = command.commands if isinstance(command, click.Group) else {}
            verb = next((other for other in words[place + 1 :] if other in inner), None)
            return f"{word}-{verb}" if verb else word
    return "offramp"


def _sentence(error: click.ClickException) -> str:
    return error.format_message().rstrip()


def _help(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"See `{context.command_path if context else 'offramp'} --help`."


def _unexpected(shell: Shell, error: Exception) -> OfframpError:
    """A full disk is nobody's bug; everything else that nobody foresaw is ours."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutsideError(f"The disk is full: {error}.", hint="Free some space and run the same command again.")
    known = known_secrets(os.environ)
    path = crash.write_traceback(error, shell.directory, known)
    return BugError(
        redact(f"offramp failed in a way it should not: {type(error).__name__}: {error}.", known),
        hint=f"The traceback is in {path}; please report it with the journal. The same command goes on from here.",
    )


def _explain(shell: Shell, name: str, error: OfframpError) -> int:
    message, hint = redact(error.message), redact(error.hint)
    shell.say(f"{message} {hint}".rstrip())
    if shell.json:
        problem = {"code": error.code, "message": message, "hint": hint, "retry": error.retry}
        head = {"schema": f"offramp/{_schema(name)}/1", "ok": False, "exit_status": error.exit_status}
        click.echo(json.dumps({**head, "error": problem}))
    return error.exit_status


def _schema(name: str) -> str:
    return {"rehearse": "rehearsal", "pump-status": "link"}.get(name, name)
