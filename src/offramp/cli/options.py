"""Which options do several commands share?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ..engine.acting import Interrupt, nowhere
from . import crash

Function = TypeVar("Function", bound=Callable[..., Any])


def as_json(command: Function) -> Function:
    """``--json``, which ``main`` reads before Click does, so that usage errors are JSON too."""
    return click.option("--json", is_flag=True, expose_value=False, help="Print JSON on stdout.")(command)


def yes(command: Function) -> Function:
    return click.option("--yes", is_flag=True, help="Do not ask before production is changed.")(command)


def crash_at(command: Function) -> Function:
    """A rehearsal aid: the process kills itself around a deed. Hidden, because nobody wants it in production."""
    return click.option(
        "--crash-at",
        "interrupt",
        metavar="GOAL:before|after:N",
        hidden=True,
        envvar="OFFRAMP_CRASH_AT",
        callback=_interrupt,
        help="Kill this process (SIGKILL) around the Nth deed of GOAL.",
    )(command)


def _interrupt(context: click.Context, option: click.Parameter, value: str | None) -> Interrupt:
    return crash.killer(crash.parse(value), crash.kill_ourselves) if value else nowhere
