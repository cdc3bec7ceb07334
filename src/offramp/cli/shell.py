"""What does every command share: where the migration is, how an answer is printed, and how a person is asked?"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click

from ..errors import WaitingError
from ..migration import Migration
from ..signpost import Command

HERE = Path()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command found: ``body`` for ``--json``, ``text`` for a person, and where to go next."""

    body: Mapping[str, object]
    text: str
    exit_status: int = 0
    next: Command | None = None
    hint: str = ""


@dataclass
class Shell:
    """One call of the program. ``directory`` is set once the options are parsed."""

    json: bool
    open: Callable[[Path], Migration]
    directory: Path = field(default=HERE)

    def migration(self) -> Migration:
        """Open the migration. Raises UsageError when ``offramp.toml`` is missing or malformed."""
        return self.open(self.directory)

    def command(self, command: Command) -> str:
        """Return the command line that goes on, ready to paste.

        >>> Shell(False, Migration, Path("work")).command(("cutover", "main"))
        'offramp --dir work cutover main'
        """
        place = () if self.directory == HERE else ("--dir", str(self.directory))
        return shlex.join(("offramp", *place, *command))

    def say(self, text: str) -> None:
        """Talk to the person: never part of the data."""
        click.echo(text, err=True)

    def agree(self, what: str, *, yes: bool) -> None:
        """Show what would change and ask. Raises WaitingError when nobody agrees."""
        if yes:
            return
        self.say(what)
        if not sys.stdin.isatty():
            raise WaitingError(
                "This changes production, and there is no terminal to ask at.",
                hint="Read the plan above; then say --yes.",
            )
        if not click.confirm("Go on?", err=True):
            raise WaitingError("Nothing was changed.", hint="Run the same command when you are ready.")

    def print(self, name: str, answer: Answer) -> None:
        """Print a command's answer as its last words."""
        following = self.command(answer.next) if answer.next else None
        if self.json:
            envelope = {"schema": f"offramp/{name}/1", "ok": answer.exit_status == 0, "exit_status": answer.exit_status}
            click.echo(json.dumps({**envelope, **answer.body, "next": following}))
            return
        if answer.text:
            click.echo(answer.text)
        if answer.hint:
            self.say(answer.hint)
        if following:
            self.say(f"Next: {following}")
