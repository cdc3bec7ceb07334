"""What does a measurement ask of an engine that follows a live database?"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..clusters import Side
from ..stage import Pipe, Stage


class EngineStuckError(RuntimeError):
    """An engine did not get there within its time, or ended."""


@dataclass
class Steps:
    """What a person would have typed, in order: written down where it is done, so that it cannot flatter anybody."""

    begin: list[str] = field(default_factory=list)
    removal: list[str] = field(default_factory=list)


class Engine(Protocol):
    """One engine between two databases. ``prepare`` may be untimed; nothing moves before ``start``."""

    steps: Steps

    def prepare(self) -> None:
        """Make the schema at the target and the engine's own objects."""

    def start(self) -> None:
        """Begin; return when the target has everything and follows."""

    def pause(self) -> None:
        """Stop moving changes; what is captured at the source goes on being captured."""

    def resume(self) -> None:
        """Go on, as the operator would, without waiting for anything."""

    def drop(self) -> None:
        """Take the engine off both sides. Safe after any failure."""


@dataclass(frozen=True)
class Kind:
    """One entry of the list of engines. ``make`` gets the source as its owner and the target as its master."""

    name: str
    label: str
    make: Callable[[Stage, Side, Side], Engine]
    needs: tuple[str, ...] = ()
    preload: str = ""

    def missing(self, environ: Mapping[str, str], binaries: Path) -> str | None:
        """Why it cannot be measured here, or None."""
        return lacking(self.needs, environ, binaries)


def lacking(needs: Sequence[str], environ: Mapping[str, str], binaries: Path) -> str | None:
    """Which of these programs and extensions are not installed, as a sentence, or None."""
    path = f"{binaries}:{environ.get('PATH', '')}"
    absent = [need for need in needs if not _there(need, path, binaries)]
    return f"not installed ({', '.join(absent)}); run bench/setup" if absent else None


def _there(need: str, path: str, binaries: Path) -> bool:
    """Whether a program, or a server extension (``extension:NAME``), is installed."""
    if not need.startswith("extension:"):
        return shutil.which(need, path=path) is not None
    control = f"{need.removeprefix('extension:')}.control"
    return any((folder / control).exists() for folder in _extension_folders(binaries))


def _extension_folders(binaries: Path) -> tuple[Path, ...]:
    # Debian keeps them apart from the programs: /usr/lib/postgresql/15 and /usr/share/postgresql/15.
    return (Path("/usr/share/postgresql") / binaries.parent.name / "extension", binaries.parent / "share" / "extension")


def wait_for(ready: Callable[[], bool], what: str, *, seconds: float = 300, every: float = 0.1) -> None:
    """Raises EngineStuckError."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise EngineStuckError(f"{what}: not within {seconds:g} s")
        time.sleep(every)


def copy_schema(source: Side, target: Side) -> None:
    """``pg_dump -s | psql``, for the engines that move no schema."""
    Pipe(
        ["pg_dump", "-s", "--no-owner", "--no-privileges"],
        source.env(),
        ["psql", "-Xq", "-v", "ON_ERROR_STOP=1"],
        target.env(),
    ).wait()
