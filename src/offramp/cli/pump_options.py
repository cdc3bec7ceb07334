"""How does a command of ``offramp pump`` learn which two databases it is about, and name them again?"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable

import click

from ..pump.places import Place, place
from ..pump.standalone import Pair
from . import options
from .shell import Answer, Shell

NAME = "main"
# As PostgreSQL counts: 1 kB is 1024 bytes.
SIZES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def of_pair(command: Callable[..., Answer]) -> Callable[..., Answer]:
    """Give a command its two databases, from ``[SRC] [DST]``, options or the environment, as one ``Pair``."""

    @click.argument("src", required=False)
    @click.argument("dst", required=False)
    @click.option(
        "--source-command",
        metavar="SHELL",
        help="A command that prints the source's URL; run afresh for each connection.",
    )
    @click.option("--target-command", metavar="SHELL", help="The same for the target.")
    @click.option("--name", default=NAME, show_default=True, help="What this move is called, in both databases.")
    @options.as_json
    @click.pass_obj
    @functools.wraps(command)
    def gather(
        shell: Shell,
        /,
        src: str | None,
        dst: str | None,
        source_command: str | None,
        target_command: str | None,
        name: str,
        **more: object,
    ) -> Answer:
        if source_command and src and not dst:
            src, dst = None, src
        source = place("source", src, source_command, os.environ)
        target = place("target", dst, target_command, os.environ)
        for side in (source, target):
            if side.advice:
                shell.say(side.advice)
        return command(shell, Pair(name, source, target), **more)

    return gather


def following(verb: str, both: Pair, *more: str) -> tuple[str, ...]:
    """Return the words of ``verb`` for the same two databases; a password is never repeated."""
    named = [_again(side, otherwise) for side, otherwise in ((both.source, "SRC"), (both.target, "DST"))]
    name = () if both.name == NAME else ("--name", both.name)
    return ("pump", verb, *more, *(word for words in named for word in words), *name)


def _again(side: Place, otherwise: str) -> tuple[str, ...]:
    if side.command is not None:
        return (f"--{side.side}-command", side.command)
    if side.word is not None:
        return (side.word,)
    return (otherwise,) if side.advice else ()


class ByteCount(click.ParamType[int]):
    """A number of bytes, with k, M, G or T for powers of 1024: ``20MB``, ``512k``, ``1000000``."""

    name = "bytes"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)b?(?:/s)?", str(value).strip(), re.IGNORECASE)
        if not found or not float(found[1]):
            self.fail(f"{value!r} is not a number of bytes; say 20MB, 512k or 1000000", param, ctx)
        return int(float(found[1]) * SIZES[found[2].lower()])


def within(default: float, text: str) -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
    """``--within SECONDS``, the deadline of a command that holds writers or waits for locks."""
    return click.option(
        "--within",
        "seconds",
        default=default,
        show_default=True,
        metavar="SECONDS",
        type=click.FloatRange(min=0.1),
        help=text,
    )
